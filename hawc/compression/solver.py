"""What a solver is given to do, and what it answers."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.compression.problem import CompressionProblem

__all__ = ["AbstractSolver", "Compression"]


@final
@dataclass(frozen=True, eq=False)  # tensors have no truth value to compare by
class Compression:
    """What a solver found.

    Args:
        points: (K, d), from `compress` in torch's default dtype.
        weights: (K,) of the new points, total 1.
        objective: f of ``hawc.compression``, in units of the kernel; comparable only between
            solutions of one problem. The distance itself is `squared_distance_to`.
        converged: whether the solver's own stopping rule was met.
        evaluations: number of evaluations of f and its gradient, all restarts together.
    """

    points: Float[Tensor, "k d"]
    weights: Float[Tensor, " k"]
    objective: float
    converged: bool
    evaluations: int


class AbstractSolver(ABC):
    """Minimises a compression problem; instances are hashable values."""

    @abstractmethod
    def solve(
        self,
        problem: CompressionProblem,
        generator: torch.Generator,
        start: Float[Tensor, "k d"] | None = None,
    ) -> Compression:
        """Returns the best points found, in float64.

        Args:
            problem: what to minimise.
            generator: source of starting points and of whatever else is random.
            start: where to begin, e.g. the solution of a problem nearly equal; random if None. A
                solver with several starts takes it for one of them.
        """
