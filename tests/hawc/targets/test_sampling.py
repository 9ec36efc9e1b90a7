"""Samples of a search are equal under every default dtype; others follow it."""

import pytest
import torch

from hawc import Empirical, StandardNormal
from hawc.targets import AbstractTarget, GaussianMixture, Normal, StudentT, UniformCube
from hawc.targets.sampling import float64_samples, sample_standard_normal

TARGETS = [
    StandardNormal(3),
    Normal([1.0, 2.0], [[2.0, 1.0], [1.0, 2.0]]),
    GaussianMixture([1, 2], [[0.0, 0.0], [5.0, 5.0]], 1.0),
    StudentT(2),
    UniformCube(2),
    Empirical([[1.0, 2.0], [3.0, 4.0]]),
]
DTYPES = [torch.float16, torch.float32, torch.float64]


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: type(target).__name__)
@pytest.mark.parametrize("spread", [False, True], ids=["independent", "spread"])
def test_a_search_samples_the_same_points_under_every_default(
    target: AbstractTarget, spread: bool
) -> None:
    found = []
    for dtype in DTYPES:
        torch.set_default_dtype(dtype)  # put back by the package's fixture
        generator = torch.Generator().manual_seed(0)
        sample = target.spread_sample if spread else target.sample
        with float64_samples():
            found.append(sample(5, generator=generator))
        assert sample(5, generator=generator).dtype == dtype
    assert found[0].dtype == torch.float64
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: type(target).__name__)
@pytest.mark.usefixtures("no_shape_checks")
def test_numbers_and_generators_are_checked(target: AbstractTarget) -> None:
    for sample in (target.sample, target.spread_sample):
        with pytest.raises(ValueError, match=r"`n` must be a whole number of at least 0, got 2\.5"):
            sample(2.5, generator=torch.Generator())  # type: ignore[arg-type]
        with pytest.raises(ValueError, match=r"`generator` must be a torch\.Generator, got 0"):
            sample(2, generator=0)  # type: ignore[arg-type]


def test_draws_are_those_of_torch() -> None:
    generator, other = (torch.Generator().manual_seed(1) for _ in range(2))
    assert torch.equal(
        sample_standard_normal(3, 2, generator=generator), torch.randn(3, 2, generator=other)
    )
