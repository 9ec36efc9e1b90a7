"""History-aware sampling: batches that complement all earlier ones."""

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.arguments import check_instance, whole_number
from hawc.compression import AbstractSolver, Typical, compress
from hawc.history import AbstractHistory
from hawc.kernels import AbstractKernel
from hawc.samplers.abstract import AbstractSampler
from hawc.targets import AbstractTarget

__all__ = ["HistoryAwareSampler"]


@final
class HistoryAwareSampler(AbstractSampler):
    """Sampler of batches that, together with all earlier ones, match a distribution.

    The points of a batch are chosen jointly: one call with n = 10 is better than ten calls with
    n = 1.

    By default all points have typical lengths (`hawc.compression.Typical`), so that a decoder was
    trained on points like them. Mixtures, cubes and data sets have no such lengths: the points are
    then the best of up to 1,024 samples, or of 8 for each point in large batches.

    `solver=Deterministic()` leaves points free. Their distance from the distribution is smaller,
    above all in few dimensions and with small batches, but they may lie where no decoder was
    trained.

    In many dimensions latents alone say little about images, since all pairs of samples of N(0, I)
    have about the same distance. `hawc.FeatureSampler` compares features of the images.

    Args:
        target: the distribution that all points together should match.
        history: stores the points; a new `MemoryHistory` if None.
        kernel: of the squared distance; the default of `hawc.compress` if None.
        solver: chooses the points; `hawc.compression.Typical()` if None.
        window: number of latest points of the history that count, at least 0; all if None.

    Raises:
        ValueError: if the history's dimension is not the target's, or `window` is negative.

    Example:
        >>> import torch
        >>> from hawc import HistoryAwareSampler, StandardNormal
        >>> sampler = HistoryAwareSampler(StandardNormal(2))
        >>> generator = torch.Generator().manual_seed(0)
        >>> first, second = (sampler.sample(8, generator=generator) for _ in range(2))
        >>> len(sampler.history)
        16
    """

    def __init__(
        self,
        target: AbstractTarget,
        *,
        history: AbstractHistory | None = None,
        kernel: AbstractKernel | None = None,
        solver: AbstractSolver | None = None,
        window: int | None = None,
    ) -> None:
        super().__init__(target, history)
        check_instance("kernel", kernel, AbstractKernel, or_none=True)
        check_instance("solver", solver, AbstractSolver, or_none=True)
        self._kernel = kernel
        self._solver = solver
        self._window = None if window is None else whole_number("window", window, 0)

    def choose(
        self,
        n: int,
        past: Float[Tensor, "kp d"],
        generator: torch.Generator,
        previous: Float[Tensor, "n d"] | None = None,
    ) -> Float[Tensor, "n d"]:
        relevant = past if self._window is None else past[max(0, len(past) - self._window) :]
        chosen = compress(
            self.target,
            n,
            history=relevant,
            kernel=self._kernel,
            solver=self._solver or Typical(),
            start=previous,  # little has changed, so a warm start needs few steps
            generator=generator,
        )
        return chosen.points
