"""Seeded generators, points on an axis, and sample means against an expected value."""

import math

import torch
from torch import Tensor

from hawc.kernels import AbstractKernel


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def on_first_axis(radii: list[float], dim: int) -> Tensor:
    points = torch.zeros(len(radii), dim)
    points[:, 0] = torch.tensor(radii)
    return points


def assert_within_standard_errors(samples: Tensor, expected: float) -> None:
    error = float(samples.std()) / math.sqrt(len(samples))
    assert abs(float(samples.mean()) - expected) < 4 * error  # 4: fails for 1 seed in 16 000


def values(kernel: AbstractKernel, x: Tensor, y: Tensor) -> Tensor:
    """h(x_i, y_i), pair by pair."""
    return kernel.profile((x - y).square().sum(1))
