"""What FeatureSampler refuses, and how it says so; its own twin has the rest."""

from typing import Any

import pytest
import torch

from hawc.history import MemoryHistory
from hawc.samplers.feature import FeatureSampler
from hawc.targets import StandardNormal

PLANE = StandardNormal(2)


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def sampler_of(**settings: Any) -> FeatureSampler:
    quick = {"decode": torch.clone, "features": torch.clone, "num_candidates": 50, "num_steps": 5}
    return FeatureSampler(PLANE, data=PLANE, **{**quick, **settings})


def test_says_that_a_decoder_gives_no_gradient() -> None:
    sampler = sampler_of(decode=lambda z: torch.from_numpy(z.numpy()))
    with pytest.raises(ValueError, match=r"must pass finite gradients .*num_steps=0 chooses among"):
        sampler.sample(2, generator=seeded())
    assert len(sampler.history) == 0
    alone = sampler_of(decode=lambda z: torch.from_numpy(z.numpy()), num_steps=0)
    assert alone.sample(2, generator=seeded()).shape == (2, 2)


def test_rejects_features_that_are_not_the_datas() -> None:
    sampler = sampler_of(features=lambda x: x[:, :1])
    with pytest.raises(ValueError, match=r"`features` must return shape \(50, 2\) for 50 pictures"):
        sampler.sample(2, generator=seeded())


def test_rejects_features_that_are_not_finite() -> None:
    with pytest.raises(ValueError, match="`features` must be finite for what `decode` makes"):
        sampler_of(features=torch.log).sample(2, generator=seeded())


def test_rejects_less_candidates_than_points() -> None:
    with pytest.raises(ValueError, match=r"`num_candidates` must be at least .* 51, got 50"):
        sampler_of().sample(51, generator=seeded())


def test_rejects_an_empty_batch() -> None:
    with pytest.raises(ValueError, match="`n` must be at least 1, got 0"):
        sampler_of().sample(0, generator=seeded())


def test_rejects_a_history_of_another_dimension() -> None:
    with pytest.raises(ValueError, match="`history` must hold points of dimension 4 for Latents"):
        sampler_of(history=MemoryHistory(2))


@pytest.mark.parametrize(
    ("name", "value", "least"),
    [
        ("num_candidates", 0, 1),
        ("num_steps", -1, 0),
        ("typicality", -0.1, 0),
        ("typicality", float("nan"), 0),
        ("typicality", float("inf"), 0),
        ("min_distance", -0.5, 0),
    ],
)
def test_rejects_numbers_out_of_range(name: str, value: float, least: int) -> None:
    with pytest.raises(ValueError, match=rf"`{name}` must be (finite and )?at least {least}, got"):
        sampler_of(**{name: value})
