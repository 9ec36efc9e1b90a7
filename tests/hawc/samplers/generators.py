"""A decoder that counts its calls, and a feature network, for the tests of FeatureSampler."""

from typing import Any

import torch
from torch import Tensor

from hawc.samplers import FeatureSampler
from hawc.targets import StandardNormal

PRIOR = StandardNormal(8)
MATRIX = torch.randn(8, 12, generator=torch.Generator().manual_seed(5), dtype=torch.float64)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


class Decoder:
    """Counts latents; returns images (n, 3, 2, 2)."""

    def __init__(self) -> None:
        self.count = 0
        self.batches: list[tuple[tuple[int, ...], torch.dtype]] = []

    def __call__(self, z: Tensor) -> Tensor:
        self.count += len(z)
        self.batches.append((tuple(z.shape), z.dtype))
        return torch.tanh(z.flatten(1).double() @ MATRIX).float().reshape(-1, 3, 2, 2)


def embed(images: Tensor) -> Tensor:
    return images.flatten(1)


def sampler_of(decode: Any = None, features: Any = embed, **settings: Any) -> FeatureSampler:
    settings = {"num_candidates": 32, "num_steps": 0, **settings}
    return FeatureSampler(PRIOR, decode=decode or Decoder(), features=features, **settings)
