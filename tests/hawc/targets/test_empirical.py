"""The distribution of a weighted sample against double loops, and what it rejects."""

import itertools
import math
import re

import pytest
import torch

import hawc.blocks
from hawc.kernels import HuberEnergy
from hawc.targets import Empirical
from tests.hawc.targets.samples import seeded


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("block_entries", [1, 7, 2**22])
def test_empirical_sums_equal_double_loops(
    weighted: bool, block_entries: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hawc.blocks, "_BLOCK_ENTRIES", block_entries)
    generator, a = seeded(), 0.1
    points, x = torch.randn(9, 2, generator=generator), torch.randn(4, 2, generator=generator)
    weights = torch.rand(9, generator=generator) if weighted else torch.ones(9)
    target = Empirical(points, weights if weighted else None)
    p, z = (weights / weights.sum()).tolist(), points.tolist()

    def huber(u: list[float], v: list[float]) -> float:
        return math.sqrt(a * a + math.dist(u, v) ** 2) - a

    potential = [sum(p[j] * huber(u, z[j]) for j in range(9)) for u in x.tolist()]
    energy = sum(p[i] * p[j] * huber(z[i], z[j]) for i, j in itertools.product(range(9), range(9)))
    # a few dozen roundings
    assert target.potential(HuberEnergy(a))(x).tolist() == pytest.approx(potential, rel=1e-13)
    assert target.self_energy(HuberEnergy(a)) == pytest.approx(energy / 2, rel=1e-13)


def test_empirical_draws_its_own_points_in_proportion() -> None:
    points, weights = torch.arange(4.0)[:, None], torch.tensor([1.0, 0.0, 3.0, 4.0])
    samples = Empirical(points, weights).sample(8000, generator=seeded()).flatten()
    counts = torch.tensor([float((samples == value).sum()) for value in range(4)])
    assert counts.sum() == 8000
    assert counts[1] == 0
    errors = (weights / 8 * (1 - weights / 8) * 8000).sqrt()  # of binomial counts
    assert ((counts - 1000 * weights).abs() <= 4 * errors).all()


@pytest.mark.parametrize("shape", [(0, 2), (3, 0), (3,)])
@pytest.mark.usefixtures("no_shape_checks")
def test_empirical_rejects_points_of_wrong_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"`points` must have shape \(n, d\) with n >= 1, d >= 1"):
        Empirical(torch.ones(shape))


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_empirical_rejects_points_that_are_not_finite(value: float) -> None:
    with pytest.raises(ValueError, match="`points` must be finite, got NaN or infinite"):
        Empirical(torch.tensor([[0.0], [value]]))


def test_empirical_is_named_by_its_content() -> None:
    points = torch.randn(7, 2, generator=seeded())
    target = Empirical(points)
    assert re.fullmatch(r"Empirical\(7 points, dim=2, sha256=[0-9a-f]{12}\)", repr(target))
    moved = points.clone()
    moved[3, 1] += 1e-15
    for other in (
        Empirical(moved),
        Empirical(points.flip(0)),
        Empirical(points, torch.arange(7.0)),
    ):
        assert repr(other) != repr(target)
    for same in (Empirical(points.clone()), Empirical(points, torch.full((7,), 2.0))):
        assert repr(same) == repr(target)
    rounded = points.float()
    assert repr(Empirical(rounded)) == repr(Empirical(rounded.double())) != repr(target)


def test_empirical_keeps_its_own_points() -> None:
    points, weights = torch.zeros(2, 1), torch.ones(2)
    target = Empirical(points, weights)
    name = repr(target)
    points.add_(1)
    weights[0] = 5
    assert repr(target) == name == repr(Empirical(torch.zeros(2, 1)))
    assert float(target.potential(HuberEnergy())(torch.zeros(1, 1))) == 0


def test_a_name_replaces_the_digest() -> None:
    points = torch.ones(3, 2)
    assert repr(Empirical(points, name="digits")) == "Empirical(3 points, dim=2, name='digits')"
    assert Empirical(points, name="digits").fingerprint() == {}
    target = Empirical(points)
    assert [*target.fingerprint()] == re.findall(r"sha256=(\w+)", repr(target))


@pytest.mark.parametrize("name", ["", 5])
@pytest.mark.usefixtures("no_shape_checks")
def test_refuses_a_name_that_is_no_text(name: str) -> None:
    with pytest.raises(ValueError, match="`name` must be a text that is not empty, or None, got"):
        Empirical(torch.ones(3, 2), name=name)
