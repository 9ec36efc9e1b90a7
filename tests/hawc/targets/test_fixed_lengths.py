"""Points of fixed lengths: typical ones from the start, kept while directions are free."""

import pytest
import torch

from hawc.targets import AbstractTarget, Normal, StandardNormal, StudentT, UniformCube
from hawc.targets.fixed_lengths import FixedLengths, with_typical_lengths

SKEWED = Normal(torch.tensor([1.0, -2.0, 3.0]), torch.diag(torch.tensor([4.0, 1.0, 0.25])))


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(
    "target", [StandardNormal(1), StandardNormal(16_384), SKEWED, StudentT(3)], ids=repr
)
def test_unusual_lengths_become_typical_in_the_same_direction(target: AbstractTarget) -> None:
    form = target.elliptical_form()
    assert form is not None
    points = target.sample(400, generator=seeded())
    found = with_typical_lengths(points, form)
    for dtype in (torch.float64, torch.float32):
        reached = form.probabilities_of(found.to(dtype))
        assert ((reached > 0.01) & (reached < 0.99)).all()
    before = form.probabilities_of(points)
    usual = (before > 0.012) & (before < 0.988)
    assert 0 < int((~usual).sum()) < 40
    assert torch.equal(found[usual], points[usual])
    cosines = torch.cosine_similarity(form.whitened(points), form.whitened(found))
    torch.testing.assert_close(cosines, torch.ones(400))


def test_without_an_elliptical_form_points_are_unchanged() -> None:
    points = UniformCube(3).sample(10, generator=seeded())
    assert with_typical_lengths(points, None) is points
    fixed = FixedLengths(None, None)
    assert fixed.coordinates(points) is points
    assert fixed.normalized(points) is points
    found, pullback = fixed.points_and_pullback(points)
    assert found is points
    assert pullback(points) is points


@pytest.mark.parametrize("target", [StandardNormal(3), SKEWED], ids=repr)
def test_points_keep_their_lengths_and_gradients_are_those_of_differences(
    target: AbstractTarget,
) -> None:
    form = target.elliptical_form()
    assert form is not None
    points = target.sample(5, generator=seeded())
    lengths = form.lengths(points)
    fixed = FixedLengths(form, lengths)
    w = fixed.coordinates(points)
    torch.testing.assert_close(fixed.points(w), points)
    # several sets of coordinates at once
    moved = w + torch.randn(2, *w.shape, generator=seeded(1))
    found, pullback = fixed.points_and_pullback(moved)
    torch.testing.assert_close(form.lengths(found.flatten(0, 1)), lengths.repeat(2))
    torch.testing.assert_close(fixed.points(fixed.normalized(moved)), found)
    slopes = torch.randn(2, 5, 3, generator=seeded(2))
    step = 1e-6 * torch.randn(2, 5, 3, generator=seeded(3))
    up, down = (float((slopes * fixed.points(moved + s)).sum()) for s in (step, -step))
    # central differences of a value of about 10: rounding of 1e-15 a term
    expected = float((pullback(slopes) * step).sum())
    assert abs((up - down) / 2 - expected) < 1e-12
