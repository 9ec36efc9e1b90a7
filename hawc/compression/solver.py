"""The interface of solvers, and their result."""

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
    """The result of a solver.

    Args:
        points: (K, d). `compress` returns them in torch's default dtype.
        weights: (K,), of the new points, with total 1.
        objective: f of ``hawc.compression``, in units of the kernel. It compares solutions of one
            problem; for the squared distance use `squared_distance_to`.
        converged: whether the solver's stopping rule was met.
        evaluations: number of evaluations of f and its gradient, over all starts.
    """

    points: Float[Tensor, "k d"]
    weights: Float[Tensor, " k"]
    objective: float
    converged: bool
    evaluations: int


class AbstractSolver(ABC):
    """An algorithm that minimizes a compression problem."""

    @abstractmethod
    def solve(
        self,
        problem: CompressionProblem,
        generator: torch.Generator,
        start: Float[Tensor, "k d"] | None = None,
    ) -> Compression:
        """Returns the best points found, in float64.

        Args:
            problem: the problem to minimize.
            generator: for starting points and all other random numbers.
            start: where to start, e.g. the solution of a similar problem; random if None. A solver
                with several starts uses it as one of them.
        """
