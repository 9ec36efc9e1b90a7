"""IndependentSampler returns samples of the target and ignores the history."""

import pytest
import torch

from hawc.samplers.independent import IndependentSampler
from hawc.targets import Normal, StandardNormal

PLANE = StandardNormal(2)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_returns_samples_of_the_target_for_any_history() -> None:
    torch.set_default_dtype(torch.float32)  # restored by the package's fixture
    sampler = IndependentSampler(PLANE)
    for _ in range(2):
        expected = PLANE.sample(5, generator=seeded(3))
        assert torch.equal(sampler.sample(5, generator=seeded(3)), expected)
    assert len(sampler.history) == 10


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_samples_are_the_same_under_every_default_dtype(dtype: torch.dtype) -> None:
    target = Normal([1.0, 2.0], [[2.0, 1.0], [1.0, 1.0]])
    expected = IndependentSampler(target).sample(5, generator=seeded())
    torch.set_default_dtype(dtype)
    samples = IndependentSampler(target).sample(5, generator=seeded())
    assert torch.equal(samples, expected.to(dtype))
