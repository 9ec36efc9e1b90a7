"""The penalty on points near others: values by hand, gradients by differences, nothing far away."""

import pytest
import torch
from torch import Tensor

from hawc.samplers import clearance as module
from hawc.samplers.clearance import Clearance, independent_distance

PAST = torch.tensor([[0, 0], [10, 0]], dtype=torch.float64)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_penalty_is_that_of_the_nearest_remembered_point() -> None:
    x = torch.tensor([[0.0, 1.0], [9.0, 0.0], [5.0, 0.0], [0.0, 0.0]])
    # 100 (1 - 1/4)^2, the same, nothing, and at the point itself, 1e-6 off, nearly all of it
    expected = torch.tensor([56.25, 56.25, 0.0, 100.0])
    torch.testing.assert_close(Clearance(4.0, PAST).to_past(x), expected, rtol=3e-6, atol=0)
    crowd = PAST[:1].repeat(50, 1)
    torch.testing.assert_close(
        Clearance(4.0, crowd).to_past(x[:1]), expected[:1], rtol=1e-12, atol=0
    )


def test_penalty_of_pairs_leaves_out_the_point_itself() -> None:
    x = torch.tensor([[0.0, 0.0], [0.0, 2.0], [3.0, 4.0]])
    expected = torch.tensor([0.0, 25.0, 0.0])
    torch.testing.assert_close(Clearance(4.0, PAST).to_one(x, 0), expected, rtol=1e-12, atol=0)


def total(clearance: Clearance, x: Tensor) -> float:
    pairs = sum(float(clearance.to_one(x, i).sum()) for i in range(len(x))) / 2
    return float(clearance.to_past(x).sum()) + pairs


def test_value_adds_up_points_and_pairs() -> None:
    clearance, x = Clearance(3.0, PAST), torch.randn(6, 2, generator=seeded())
    value, _ = clearance.value_and_gradient(x)
    assert value > 100
    torch.testing.assert_close(float(value), total(clearance, x), rtol=1e-12, atol=0)


def test_gradient_is_that_of_the_value() -> None:
    clearance, x = Clearance(3.0, PAST), torch.randn(6, 2, generator=seeded())
    _, gradient = clearance.value_and_gradient(x)
    step = 1e-6 * torch.randn(6, 2, generator=seeded(1))
    slope = (total(clearance, x + step) - total(clearance, x - step)) / 2
    # central differences of a value of about 1e3: rounding of 1e-13, against slopes of 1e-4
    assert abs(slope - float((gradient * step).sum())) < 1e-8


def test_gradient_is_finite_where_points_coincide() -> None:
    value, gradient = Clearance(3.0, PAST).value_and_gradient(torch.zeros(2, 2))
    assert value > 299
    assert gradient.isfinite().all()


def test_distance_zero_is_no_penalty() -> None:
    clearance, x = Clearance(0.0, PAST), PAST.clone()
    value, gradient = clearance.value_and_gradient(x)
    assert value == 0
    assert not gradient.any()
    assert not clearance.to_one(torch.zeros(3, 2), 0).any()


def test_nothing_remembered_is_no_penalty() -> None:
    assert not Clearance(3.0, PAST[:0]).to_past(torch.zeros(3, 2)).any()
    value, _ = Clearance(3.0, PAST[:0]).value_and_gradient(torch.zeros(1, 2))
    assert value == 0


def test_the_nearest_is_found_among_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SEARCHED_AT_ONCE", 7)
    x, past = (1e3 + torch.randn(n, 3, generator=seeded(n)) for n in (20, 100))
    for history, tolerance in ((past, 1e-12), (past.float(), 1e-6)):
        monkeypatch.setattr(module, "_SHORT_HISTORY", 0)
        reached = Clearance(1.0, history).reached(x)
        differences = (x[:, None] - torch.cat([history.double(), x])).norm(dim=2)
        expected = float(differences[differences > 0].min())
        # differences of numbers near 1000: their rounding
        assert abs(reached - expected) < 1e3 * tolerance


def test_reached_is_the_smallest_distance_of_a_new_point() -> None:
    x = torch.tensor([[0.0, 3.0], [5.0, 3.0]])
    assert Clearance(1.0, PAST).reached(x) == pytest.approx(3.0)
    assert Clearance(1.0, PAST[:0]).reached(x) == pytest.approx(5.0)
    assert Clearance(1.0, PAST[:0]).reached(x[:1]) == torch.inf


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
def test_independent_distance_is_kept_by_three_quarters(scale: float) -> None:
    x, past = (scale * torch.randn(n, 5, generator=seeded(n)) for n in (1000, 80))
    distance = independent_distance(x, past, 20)
    others = torch.randn(2000, 5, generator=seeded(1)).view(100, 20, 5) * scale
    nearest = torch.cdist(others, others) + scale * 1e3 * torch.eye(20)
    nearest = torch.minimum(nearest.amin(2), torch.cdist(others, past).amin(2))
    # standard error of a share of 2,000 and 1,000 points: 0.017
    assert float((nearest < distance).double().mean()) == pytest.approx(0.25, abs=0.05)


@pytest.mark.parametrize("size", [2, 40, 500])
def test_distances_do_not_depend_on_the_origin(size: int) -> None:
    # eighths, which are exact after the move
    x = (8 * torch.randn(1000, 8, generator=torch.Generator().manual_seed(0))).round().double() / 8
    expected = independent_distance(x, x[:0], size)
    assert expected > 0.1
    assert independent_distance(x + 1e8, x[:0], size) == expected
    assert Clearance(1.0, x[:0]).reached(x[:30] + 1e8) == Clearance(1.0, x[:0]).reached(x[:30])


def test_independent_distance_is_none_where_there_are_no_others() -> None:
    x = torch.randn(5, 2, generator=seeded())
    assert independent_distance(x, PAST[:0], 1) == 0.0
    assert independent_distance(torch.zeros(5, 2), PAST[:0], 2) == 0.0
    assert independent_distance(x, PAST, 1) > 0
