"""Bases of the toy distributions: points of the plane, sampled once from a seed."""

import math
from abc import ABC, abstractmethod

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from datamodules.in_memory import AbstractInMemory, Split, hold_out
from datamodules.seeding import derived_seed

__all__ = ["AbstractModes", "AbstractToy"]

_TRAIN, _TEST = 0, 1  # streams of random numbers


class AbstractToy(AbstractInMemory, ABC):
    """Samples a table of points (n, 2) from a distribution of the plane; needs no file.

    A large table rather than new points in each step keeps epochs, shuffling and resume those of
    all data sets.

    Args:
        batch_size: points per batch and process, at least 1.
        num_points: for training and validation together, at least 1; the test set has a tenth as
            many further points.
        num_validation: training points held out for validation; a tenth of them if None.
        seed: of the points; their order depends on the seed of the run.

    Raises:
        ValueError: if a number is out of its range.
    """

    example = "point"

    def __init__(
        self,
        batch_size: int = 256,
        num_points: int = 100_000,
        num_validation: int | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(batch_size, num_validation)
        if num_points < 1:
            raise ValueError(f"`num_points` must be at least 1, got {num_points}.")
        if seed < 0:
            raise ValueError(f"`seed` must be at least 0, got {seed}.")
        self._num_points = num_points
        self._seed = seed

    @abstractmethod
    def sample(self, n: int, *, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Returns n independent float32 points (n, 2) and int64 labels (n,)."""

    @property
    def image_shape(self) -> tuple[int, ...]:
        return (2,)

    def load(self, train: bool) -> dict[str, Split]:
        if not train:
            return {
                "test": self.sample(max(1, self._num_points // 10), generator=self._stream(_TEST))
            }
        points, labels = self.sample(self._num_points, generator=self._stream(_TRAIN))
        kept, held_out = hold_out(self._num_points, self.num_validation, "num_validation")
        return {
            "train": (points[kept], labels[kept]),
            "val": (points[held_out], labels[held_out]),
        }

    def _stream(self, number: int) -> torch.Generator:
        return torch.Generator().manual_seed(derived_seed(self._seed, number))


class AbstractModes(AbstractToy, ABC):
    """Samples the uniform mixture of N(mode, mode_std^2 I); labels are the numbers of modes."""

    @property
    @abstractmethod
    def modes(self) -> Float[Tensor, "k 2"]:
        """Centres of the components."""

    @property
    @abstractmethod
    def mode_std(self) -> float:
        """Standard deviation of a component along each axis."""

    def sample(
        self, n: int, *, generator: torch.Generator
    ) -> tuple[Float[Tensor, "n 2"], Int64[Tensor, " n"]]:
        modes = self.modes
        labels = torch.randint(len(modes), (n,), generator=generator)
        return modes[labels] + self.mode_std * torch.randn(n, 2, generator=generator), labels

    def log_density(self, points: Float[Tensor, "n 2"]) -> Float[Tensor, " n"]:
        """Returns the log density of the mixture at each point, differentiable."""
        modes, variance = self.modes.to(points), self.mode_std**2
        squares = (points[:, None] - modes).square().sum(2)
        constant = math.log(2 * math.pi * variance * len(modes))
        return torch.logsumexp(-squares / (2 * variance), 1) - constant
