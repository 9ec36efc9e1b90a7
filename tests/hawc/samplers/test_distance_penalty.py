"""The penalty on close points: values by hand, gradients by finite differences."""

import pytest
import torch
from torch import Tensor

from hawc.samplers import distance_penalty as module
from hawc.samplers.distance_penalty import DistancePenalty, independent_distance

PAST = torch.tensor([[0, 0], [10, 0]], dtype=torch.float64)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_only_the_nearest_remembered_point_counts() -> None:
    x = torch.tensor([[0.0, 1.0], [9.0, 0.0], [5.0, 0.0], [0.0, 0.0]])
    # 100 (1 - 1/4)^2 twice, 0, and nearly 100 at the point itself, which counts as 1e-6 away
    expected = torch.tensor([56.25, 56.25, 0.0, 100.0])
    torch.testing.assert_close(DistancePenalty(4.0, PAST).to_past(x), expected, rtol=3e-6, atol=0)
    crowd = PAST[:1].repeat(50, 1)
    torch.testing.assert_close(
        DistancePenalty(4.0, crowd).to_past(x[:1]), expected[:1], rtol=1e-12, atol=0
    )


def test_pairs_by_their_squared_distance() -> None:
    expected = torch.tensor([25.0, 0.0], dtype=torch.float64)
    squared = torch.tensor([4.0, 25.0], dtype=torch.float64)
    torch.testing.assert_close(
        DistancePenalty(4.0, PAST).of_pairs(squared), expected, rtol=1e-12, atol=0
    )


def total(penalty: DistancePenalty, x: Tensor) -> float:
    squared = torch.nn.functional.pdist(x).square()
    return float(penalty.to_past(x).sum() + penalty.of_pairs(squared).sum())


def test_value_adds_up_points_and_pairs() -> None:
    penalty, x = DistancePenalty(3.0, PAST), torch.randn(6, 2, generator=seeded())
    value, _ = penalty.value_and_gradient(x)
    assert value > 100
    torch.testing.assert_close(float(value), total(penalty, x), rtol=1e-12, atol=0)


def test_gradient_is_that_of_the_value() -> None:
    penalty, x = DistancePenalty(3.0, PAST), torch.randn(6, 2, generator=seeded())
    _, gradient = penalty.value_and_gradient(x)
    step = 1e-6 * torch.randn(6, 2, generator=seeded(1))
    slope = (total(penalty, x + step) - total(penalty, x - step)) / 2
    # central differences of a value of about 1e3: rounding of 1e-13, against slopes of 1e-4
    assert abs(slope - float((gradient * step).sum())) < 1e-8


def test_gradient_is_finite_where_points_coincide() -> None:
    value, gradient = DistancePenalty(3.0, PAST).value_and_gradient(torch.zeros(2, 2))
    assert value > 299
    assert gradient.isfinite().all()


def test_distance_zero_is_no_penalty() -> None:
    penalty, x = DistancePenalty(0.0, PAST), PAST.clone()
    value, gradient = penalty.value_and_gradient(x)
    assert value == 0
    assert not gradient.any()
    assert not penalty.of_pairs(torch.zeros(3)).any()


def test_an_empty_past_is_no_penalty() -> None:
    assert not DistancePenalty(3.0, PAST[:0]).to_past(torch.zeros(3, 2)).any()
    value, _ = DistancePenalty(3.0, PAST[:0]).value_and_gradient(torch.zeros(1, 2))
    assert value == 0


def test_finds_the_nearest_point_across_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BLOCK_ROWS", 7)
    x, past = (1e3 + torch.randn(n, 3, generator=seeded(n)) for n in (20, 100))
    for history, tolerance in ((past, 1e-12), (past.float(), 1e-6)):
        monkeypatch.setattr(module, "_SHORT_HISTORY", 0)
        smallest = DistancePenalty(1.0, history).smallest_distance(x)
        differences = (x[:, None] - torch.cat([history.double(), x])).norm(dim=2)
        expected = float(differences[differences > 0].min())
        # differences of numbers near 1000: their rounding
        assert abs(smallest - expected) < 1e3 * tolerance


def test_smallest_distance_is_that_of_a_new_point_to_any_other() -> None:
    x = torch.tensor([[0.0, 3.0], [5.0, 3.0]])
    assert DistancePenalty(1.0, PAST).smallest_distance(x) == pytest.approx(3.0)
    assert DistancePenalty(1.0, PAST[:0]).smallest_distance(x) == pytest.approx(5.0)
    assert DistancePenalty(1.0, PAST[:0]).smallest_distance(x[:1]) == torch.inf


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
def test_half_of_independent_points_keep_the_independent_distance(scale: float) -> None:
    x, past = (scale * torch.randn(n, 5, generator=seeded(n)) for n in (1000, 80))
    distance = independent_distance(x, past, 20)
    others = torch.randn(2000, 5, generator=seeded(1)).view(100, 20, 5) * scale
    nearest = torch.cdist(others, others) + scale * 1e3 * torch.eye(20)
    nearest = torch.minimum(nearest.amin(2), torch.cdist(others, past).amin(2))
    # standard error of a share of 2,000 and 1,000 points: 0.019
    assert float((nearest < distance).double().mean()) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("size", [2, 40, 500])
def test_distances_do_not_depend_on_the_origin(size: int) -> None:
    # multiples of 1/8 stay exact after the shift
    x = (8 * torch.randn(1000, 8, generator=torch.Generator().manual_seed(0))).round().double() / 8
    expected = independent_distance(x, x[:0], size)
    assert expected > 0.1
    assert independent_distance(x + 1e8, x[:0], size) == expected
    assert DistancePenalty(1.0, x[:0]).smallest_distance(x[:30] + 1e8) == DistancePenalty(
        1.0, x[:0]
    ).smallest_distance(x[:30])


def test_independent_distance_is_zero_without_other_points() -> None:
    x = torch.randn(5, 2, generator=seeded())
    assert independent_distance(x, PAST[:0], 1) == 0.0
    assert independent_distance(torch.zeros(5, 2), PAST[:0], 2) == 0.0
    assert independent_distance(x, PAST, 1) > 0
