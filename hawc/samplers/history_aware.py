"""Drawing points that complement everything drawn before."""

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.arguments import whole_number
from hawc.compression import AbstractSolver, compress
from hawc.history import AbstractHistory
from hawc.kernels import AbstractKernel
from hawc.samplers.abstract import AbstractSampler
from hawc.targets import AbstractTarget

__all__ = ["HistoryAwareSampler"]


@final
class HistoryAwareSampler(AbstractSampler):
    """Draws batches of which each, added to all earlier ones, brings the whole closest to a law.

    A batch is chosen jointly: one call with n = 10 is better than ten calls with n = 1. Where the
    history is far from the law, a batch makes up for it with points that may lie outside the law's
    bulk, where a decoder was never trained; `window` or larger batches limit that.

    Args:
        target: the law that all points together are to match.
        history: where points are remembered; a new `MemoryHistory` if None.
        kernel: of the squared distance; that of `hawc.compress` if None.
        solver: of the choice; `hawc.Deterministic()` if None.
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
            solver=self._solver,
            start=previous,  # little has changed since: a warm start needs few steps
            generator=generator,
        )
        return chosen.points
