"""Lengths of latents: usual ones from the start, and held while directions are free."""

import pytest
import torch

from hawc.samplers.fixed_lengths import HeldLengths, typical
from hawc.targets import AbstractTarget, Normal, StandardNormal, StudentT, UniformCube

SKEWED = Normal(torch.tensor([1.0, -2.0, 3.0]), torch.diag(torch.tensor([4.0, 1.0, 0.25])))


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(
    "target", [StandardNormal(1), StandardNormal(16_384), SKEWED, StudentT(3)], ids=repr
)
def test_unusual_lengths_become_usual_ones_in_the_same_direction(target: AbstractTarget) -> None:
    shells = target.shells()
    assert shells is not None
    points = target.sample(400, generator=seeded())
    found = typical(points, shells)
    for dtype in (torch.float64, torch.float32):
        reached = shells.probabilities_of(found.to(dtype))
        assert ((reached > 0.01) & (reached < 0.99)).all()
    before = shells.probabilities_of(points)
    usual = (before > 0.012) & (before < 0.988)
    assert 0 < int((~usual).sum()) < 40
    assert torch.equal(found[usual], points[usual])
    cosines = torch.cosine_similarity(shells.whitened(points), shells.whitened(found))
    torch.testing.assert_close(cosines, torch.ones(400))


def test_a_distribution_without_lengths_is_left_alone() -> None:
    points = UniformCube(3).sample(10, generator=seeded())
    assert typical(points, None) is points
    held = HeldLengths(None, points)
    assert held.coordinates(points) is points
    assert held.points(points) is points
    assert held.pulled_back(points, points) is points


@pytest.mark.parametrize("target", [StandardNormal(3), SKEWED], ids=repr)
def test_points_keep_their_lengths_and_gradients_are_those_of_differences(
    target: AbstractTarget,
) -> None:
    shells = target.shells()
    assert shells is not None
    points = target.sample(5, generator=seeded())
    held = HeldLengths(shells, points)
    w = held.coordinates(points)
    torch.testing.assert_close(held.points(w), points)
    moved = w + torch.randn(w.shape, generator=seeded(1))
    torch.testing.assert_close(shells.lengths(held.points(moved)), shells.lengths(points))
    slopes = torch.randn(5, 3, generator=seeded(2))
    step = 1e-6 * torch.randn(5, 3, generator=seeded(3))
    up, down = (float((slopes * held.points(moved + s)).sum()) for s in (step, -step))
    # central differences of a value of about 10: rounding of 1e-15 a term
    expected = float((held.pulled_back(moved, slopes) * step).sum())
    assert abs((up - down) / 2 - expected) < 1e-12
