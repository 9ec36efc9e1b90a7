"""What all laws have in common."""

import pytest
import torch

from hawc.kernels import HuberEnergy
from hawc.targets import AbstractTarget, Empirical, StandardNormal, StudentT
from tests.hawc.targets.draws import seeded

ALL_LAWS = [StandardNormal(3), StudentT(3, 0.5), Empirical(torch.eye(3, dtype=torch.float64))]


@pytest.mark.parametrize("law", ALL_LAWS, ids=repr)
def test_same_seed_draws_the_same(law: AbstractTarget) -> None:
    first, again, other = (law.sample(20, generator=seeded(seed)) for seed in (1, 1, 2))
    assert first.shape == (20, law.dim)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("law", ALL_LAWS, ids=repr)
def test_draws_have_the_default_dtype_and_potentials_that_of_the_point(law: AbstractTarget) -> None:
    assert law.sample(2, generator=seeded()).dtype == torch.float64
    assert law.potential(HuberEnergy())(torch.zeros(1, 3).float()).dtype == torch.float32
    torch.set_default_dtype(torch.float32)
    assert law.sample(2, generator=seeded()).dtype == torch.float32
    assert law.potential(HuberEnergy())(torch.zeros(1, 3).double()).dtype == torch.float64
