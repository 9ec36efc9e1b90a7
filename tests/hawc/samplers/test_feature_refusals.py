"""Arguments that FeatureSampler refuses; test_feature.py tests what it does."""

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


def test_rejects_fewer_candidates_than_samples() -> None:
    with pytest.raises(ValueError, match=r"`num_candidates` must be at least .* 51, got 50"):
        sampler_of().sample(51, generator=seeded())


def test_rejects_a_history_of_another_dimension() -> None:
    with pytest.raises(ValueError, match="`history` must hold points of dimension 4 for Latents"):
        sampler_of(history=MemoryHistory(2))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("data_weight", -0.1),
        ("data_weight", float("nan")),
        ("typicality", -0.1),
        ("typicality", float("nan")),
        ("typicality", float("inf")),
        ("min_distance", -0.5),
    ],
)
def test_rejects_numbers_out_of_range(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"`{name}` must be finite and at least 0, got"):
        sampler_of(**{name: value})


@pytest.mark.usefixtures("no_shape_checks")
@pytest.mark.parametrize(("name", "least"), [("num_candidates", 1), ("num_steps", 0)])
def test_rejects_counts_out_of_range(name: str, least: int) -> None:
    with pytest.raises(ValueError, match=f"`{name}` must be at least {least}, got {least - 1}"):
        sampler_of(**{name: least - 1})
    with pytest.raises(ValueError, match=f"`{name}` must be a whole number of at least {least}"):
        sampler_of(**{name: 10.0})
