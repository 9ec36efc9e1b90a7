"""Seeded generators, normal samples and kernels for all tests of compression."""

import torch
from torch import Tensor

from hawc.kernels import (
    AbstractKernel,
    Energy,
    GaussianComplement,
    HuberEnergy,
    Power,
    Quotient,
)

SMOOTH: list[AbstractKernel] = [
    HuberEnergy(0.1),
    Power(0.7, 0.3),
    Quotient(0.4, 0.5),
    GaussianComplement(),
]
KERNELS: list[AbstractKernel] = [*SMOOTH, Energy(), HuberEnergy(), HuberEnergy(1e-8), Power(0.2)]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=seeded(seed))
