"""Independent draws: the target's own, whatever was drawn before."""

import torch

from hawc.independent_sampler import IndependentSampler
from hawc.targets import StandardNormal

PLANE = StandardNormal(2)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_draws_are_the_targets_whatever_the_past() -> None:
    sampler = IndependentSampler(PLANE)
    for _ in range(2):
        expected = PLANE.sample(5, generator=seeded(3))
        assert torch.equal(sampler.sample(5, generator=seeded(3)), expected)
    assert len(sampler.history) == 10
