"""Drawing points that complement everything drawn before."""

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.compression import AbstractSolver, compress
from hawc.history import AbstractHistory, HistoryConflictError, MemoryHistory
from hawc.kernels import AbstractKernel
from hawc.targets import AbstractTarget

__all__ = ["HistoryAwareSampler"]

_MAX_ATTEMPTS = 100


@final
class HistoryAwareSampler:
    """Draws batches of which each, added to all earlier ones, brings the whole closest to a law.

    Args:
        target: the law that all points together are to match.
        history: where points are remembered; a new `MemoryHistory` if None.
        kernel: of the squared distance; `hawc.HuberEnergy()` if None.
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
        self.target = target
        self.history = MemoryHistory(target.dim) if history is None else history
        self._kernel = kernel
        self._solver = solver
        self._window = window
        if self.history.dim != target.dim:
            raise ValueError(
                f"`history` must hold points of dimension {target.dim} for {target}, got "
                f"dimension {self.history.dim}."
            )
        if window is not None and window < 0:
            raise ValueError(f"`window` must be at least 0 or None for all, got {window}.")

    def sample(self, n: int, *, generator: torch.Generator) -> Float[Tensor, "n d"]:
        """Chooses n new points, records them in the history and returns them.

        If another process has appended meanwhile, the choice is made again.

        Args:
            n: number of points, at least 1; chosen jointly, so one call with n = 10 is better than
                ten calls with n = 1.
            generator: source of the starting points; the same seed and history give the same
                points.

        Returns:
            (n, dim) in torch's default dtype, on the generator's device.

        Raises:
            ValueError: if `n` is smaller than 1.
            HistoryConflictError: if others were faster a hundred times in a row.
        """
        if n < 1:
            raise ValueError(f"`n` must be at least 1, got {n}.")
        for _ in range(_MAX_ATTEMPTS):
            past = self.history.points()
            relevant = past if self._window is None else past[max(0, len(past) - self._window) :]
            chosen = compress(
                self.target,
                n,
                history=relevant,
                kernel=self._kernel,
                solver=self._solver,
                generator=generator,
            )
            try:
                self.history.append(chosen.points, expected_length=len(past))
            except HistoryConflictError:
                continue
            return chosen.points
        raise HistoryConflictError(
            f"other processes appended to the history during each of {_MAX_ATTEMPTS} attempts; "
            "draw larger batches from fewer processes."
        )
