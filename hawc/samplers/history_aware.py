"""Drawing points that complement everything drawn before."""

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
    """Samples batches of which each, added to all earlier ones, is closest to a distribution.

    A batch is chosen jointly: one call with n = 10 is better than ten calls with n = 1. All points
    have lengths that samples of the distribution have, so a decoder knows them
    (`hawc.compression.Typical`); where it has no lengths, as a mixture, a cube or a data set, they
    are the best of 1,024 samples. With `solver=Deterministic()` points are free: their distance is
    smaller, the more so in few dimensions and with small batches, but they may lie where no decoder
    was trained.

    In many dimensions, latents alone say little about images: every two samples of N(0, I) are
    about equally far apart. `hawc.FeatureSampler` compares what the images show.

    Args:
        target: the distribution that all points together are to match.
        history: where points are remembered; a new `MemoryHistory` if None.
        kernel: of the squared distance; that of `hawc.compress` if None.
        solver: of the choice; `hawc.compression.Typical()` if None.
        window: how many of the latest points count; all if None.

    Raises:
        ValueError: if the history's dimension is not the target's or `window` is negative.

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
            start=previous,  # little has changed since: a warm start needs few steps
            generator=generator,
        )
        return chosen.points
