"""Kernels and targets of every kind in any unit, and points to test them with."""

from collections.abc import Callable

import torch
from torch import Tensor

from hawc import Empirical
from hawc.kernels import AbstractKernel, Energy, GaussianComplement, HuberEnergy, Power, Quotient
from hawc.targets import AbstractTarget, GaussianMixture, Normal, UniformCube

KERNELS: dict[str, Callable[[float], AbstractKernel]] = {
    "energy": lambda c: Energy(),
    "huber": lambda c: HuberEnergy(1e-5 * c),
    "power": lambda c: Power(0.3, 1e-2 * c),
    "quotient": lambda c: Quotient(0.5, c),
    "gaussian": lambda c: GaussianComplement(2 * c),
}
CLOUD = torch.randn(60, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
# a distribution in units of c, moved by m
TARGETS: dict[str, Callable[[float, float], AbstractTarget]] = {
    "empirical": lambda c, m: Empirical(c * (CLOUD + m)),
    "normal": lambda c, m: Normal([c * m, c * (m + 2)], c * c),
    "full": lambda c, m: Normal([c * m] * 2, [[2 * c * c, c * c], [c * c, c * c]]),
    "mixture": lambda c, m: GaussianMixture(
        [1, 2], [[c * m] * 2, [c * (m + 5)] * 2], [c * c, c * c / 4]
    ),
    "cube": lambda c, m: UniformCube(2, c * (m - 1), c * (m + 1)),
}


def cloud(*shape: int, seed: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(3)
