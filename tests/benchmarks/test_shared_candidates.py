"""Shared candidates: each is sampled once, in order; the distribution is the prior."""

import pytest
import torch

from benchmarks.shared_candidates import SharedCandidates
from hawc import FeatureSampler, IndependentSampler, StandardNormal
from hawc.kernels import HuberEnergy
from hawc.targets import Empirical

PRIOR, KERNEL = StandardNormal(3), HuberEnergy()


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_samples_are_those_of_the_list_in_order() -> None:
    latents = PRIOR.sample(5, generator=seeded())
    sampler = IndependentSampler(SharedCandidates(PRIOR, latents))
    parts = [sampler.sample(n, generator=seeded(n)) for n in (2, 3)]
    assert torch.equal(torch.cat(parts), latents)
    with pytest.raises(ValueError, match="`n` must be at most 0, the samples left, got 1"):
        sampler.sample(1, generator=seeded())


def test_the_distribution_is_the_prior() -> None:
    latents = PRIOR.sample(5, generator=seeded())
    shared = SharedCandidates(PRIOR, latents)
    assert (shared.dim, repr(shared)) == (PRIOR.dim, repr(PRIOR))
    assert shared.self_energy(KERNEL) == PRIOR.self_energy(KERNEL)
    assert torch.equal(shared.potential(KERNEL)(latents), PRIOR.potential(KERNEL)(latents))
    assert torch.equal(shared.elliptical_form().lengths(latents), latents.norm(dim=1))


def test_a_feature_sampler_chooses_among_them() -> None:
    latents = PRIOR.sample(30, generator=seeded())
    sampler = FeatureSampler(
        SharedCandidates(PRIOR, latents),
        decode=lambda z: z,
        features=lambda z: z,
        data=Empirical(PRIOR.sample(50, generator=seeded(1))),
        num_candidates=10,
        num_steps=0,
    )
    for number in range(3):
        chosen = sampler.sample(2, generator=seeded())
        candidates = latents[10 * number : 10 * number + 10]
        # the sampler changes the lengths of extreme latents but no direction
        cosines = torch.cosine_similarity(chosen[:, None], candidates[None], dim=2)
        assert ((cosines > 1 - 1e-6).sum(1) == 1).all()
