"""Two mixtures of Gaussians in the plane as two domains, of five and ten modes.

A map from five modes to ten has to spread each mode over two. The centres of the modes are ours;
the paper shows but does not list its centres.

Source: Kim, Cha, Kim, Lee and Kim 2017, "Learning to discover cross-domain relations with
generative adversarial networks", arXiv 1703.05192, section 3.1: 5 modes and 10 modes.
"""

import math
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from datamodules.seeding import derived_seed
from datamodules.two_domains import AbstractTwoDomains

__all__ = ["ToyDomains"]

_RADIUS_A, _RADIUS_B = 1.0, 2.0
_TRAIN, _TEST = 0, 1  # streams of random numbers


@final
class ToyDomains(AbstractTwoDomains):
    """Samples A from five Gaussians on a circle of radius 1, B from ten on one of radius 2.

    Points are sampled once: epochs, shuffling and resume are those of all data sets.

    Args:
        batch_size: points of either domain per batch and process, at least 1.
        num_points: of either domain for training and validation together, at least 1; the test set
            has a tenth as many further points.
        num_validation: training points of either domain held out for validation; a tenth of them
            if None.
        mode_std: standard deviation of each Gaussian along each axis, > 0.
        seed: of the points, at least 0; their order depends on the seed of the run.

    Raises:
        ValueError: if a number is out of its range.
    """

    example = "point"

    def __init__(
        self,
        batch_size: int = 200,
        num_points: int = 100_000,
        num_validation: int | None = None,
        mode_std: float = 0.1,
        seed: int = 0,
    ) -> None:
        super().__init__(batch_size, num_validation)
        if num_points < 1:
            raise ValueError(f"`num_points` must be at least 1, got {num_points}.")
        if not mode_std > 0:
            raise ValueError(f"`mode_std` must be > 0, got {mode_std}.")
        if seed < 0:
            raise ValueError(f"`seed` must be at least 0, got {seed}.")
        self._num_points = num_points
        self._mode_std = mode_std
        self._seed = seed

    @property
    def image_shape(self) -> tuple[int, ...]:
        return (2,)

    @property
    def is_paired(self) -> bool:
        return False

    @property
    def modes_a(self) -> Float[Tensor, "5 2"]:
        """Centres of the components of A."""
        return _circle(5, _RADIUS_A)

    @property
    def modes_b(self) -> Float[Tensor, "10 2"]:
        """Centres of the components of B."""
        return _circle(10, _RADIUS_B)

    @property
    def mode_std(self) -> float:
        """Standard deviation of each component along each axis."""
        return self._mode_std

    def read(self, train: bool) -> tuple[Tensor, Tensor]:
        seed = derived_seed(self._seed, _TRAIN if train else _TEST)
        generator = torch.Generator().manual_seed(seed)
        n = self._num_points if train else max(1, self._num_points // 10)
        a, b = (self._sample(modes, n, generator) for modes in (self.modes_a, self.modes_b))
        return a, b

    def _sample(
        self, modes: Float[Tensor, "k 2"], n: int, generator: torch.Generator
    ) -> Float[Tensor, "n 2"]:
        chosen = modes[torch.randint(len(modes), (n,), generator=generator)]
        return chosen + self._mode_std * torch.randn(n, 2, generator=generator)


def _circle(n: int, radius: float) -> Float[Tensor, "n 2"]:
    angles = torch.arange(n) * (2 * math.pi / n)
    return radius * torch.stack((angles.cos(), angles.sin()), 1)
