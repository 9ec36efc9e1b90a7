"""The default solver: L-BFGS on the exact objective, from several starts at once."""

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.arguments import real_number, whole_number
from hawc.compression.lbfgs import StoppingRule, minimize
from hawc.compression.problem import AbstractProblem
from hawc.compression.solver import AbstractSolver, Compression
from hawc.compression.ties import tolerant_argsort
from hawc.threads import one_thread

__all__ = ["Deterministic"]

# Numbers of starts where `restarts` is None. In many dimensions, or with many points, all starts
# end at equally good points.
_MOST_STARTS = 16
_STARTS_FOR_ONE = 2**13  # for K = dim = 1; divided by K dim^2
_STARTED_PAIRS = 2**16
# Upper bound of the share in `progress_tolerance`. With a long history one batch changes the
# distance of all points by a small share only.
_NEGLIGIBLE_PROGRESS = 2e-2
# Least number of points, over all candidates, that the starts are chosen from.
_SCREENED_POINTS = 64
# Up to this size one evaluation on the CPU is faster on one thread.
_ONE_THREAD_PAIRS, _ONE_THREAD_ENTRIES = 2**18, 2**25  # pairs of points, and of coordinates
# Length of the first step, in standard deviations of the target.
_FIRST_STEP = 0.25


@final
@dataclass(frozen=True)
class Deterministic(AbstractSolver):
    """L-BFGS on the exact objective from several starts; the best result is returned.

    Args:
        restarts: number of starts, at least 1. Every sixty steps the worse half of them is
            dropped. None is 16 starts if K dim^2 <= 512, fewer for larger problems and long
            histories, down to 1. `Deterministic(restarts=1, progress_tolerance=1e-4)` takes a
            fraction of the time in few dimensions and ends within a few percent of the default.
        max_iterations: of each start, at least 1.
        gradient_tolerance: > 0. A start stops when no coordinate of its gradient exceeds this share
            of the largest one at i.i.d. samples of the target.
        progress_tolerance: >= 0. A start also stops when ten steps lower the objective by less than
            a share of the whole decrease from i.i.d. samples. With T = Kp + K the share is

                min(progress_tolerance T^(-1/dim) (T/K)^2, 2 %).

            T^(-1/dim) is what good points leave of the squared distance of i.i.d. samples. The
            factor (T/K)^2 compensates for the small influence of f on the squared distance of all
            points, which contains f (K/T)^2. 0 disables this rule.

    Raises:
        ValueError: if an argument is out of its range.
    """

    restarts: int | None = None
    max_iterations: int = 1000
    gradient_tolerance: float = 5e-6
    progress_tolerance: float = 2e-6

    def __post_init__(self) -> None:
        for name in ("restarts", "max_iterations"):
            if getattr(self, name) is not None:
                whole_number(name, getattr(self, name), 1)
        if not real_number("gradient_tolerance", self.gradient_tolerance) > 0:
            raise ValueError(f"`gradient_tolerance` must be > 0, got {self.gradient_tolerance}.")
        if not real_number("progress_tolerance", self.progress_tolerance) >= 0:
            raise ValueError(f"`progress_tolerance` must be >= 0, got {self.progress_tolerance}.")

    def solve(
        self,
        problem: AbstractProblem,
        generator: torch.Generator,
        start: Float[Tensor, "k d"] | None = None,
    ) -> Compression:
        count = self._num_starts(problem)
        pairs = count * problem.size * problem.total
        short = pairs <= _ONE_THREAD_PAIRS and pairs * problem.dim <= _ONE_THREAD_ENTRIES
        with one_thread(short and generator.device.type == "cpu"):
            return self._descend(problem, generator, start, count)

    def _descend(
        self,
        problem: AbstractProblem,
        generator: torch.Generator,
        start: Float[Tensor, "k d"] | None,
        count: int,
    ) -> Compression:
        size, dim = problem.size, problem.dim
        scale = size**2 / problem.total  # so that the gradient at one point is of order one

        def scaled(flat: Float[Tensor, "r n"]) -> tuple[Float[Tensor, " r"], Float[Tensor, "r n"]]:
            value, gradient = problem.value_and_gradient(flat.reshape(-1, size, dim))
            return scale * value, scale * gradient.flatten(1)

        # more candidates than starts give better starts for one evaluation; the first candidate is
        # i.i.d. samples, whose value and gradient are the reference of the stopping rule
        candidates = problem.candidates(generator, max(count, _SCREENED_POINTS // size, 1))
        flat = candidates.flatten(1)
        values, gradients = scaled(flat)
        order = tolerant_argsort(values)[:count]
        starts, known = flat[order], (values[order], gradients[order])
        if start is not None:  # other processes may have appended points there meanwhile
            starts = torch.cat([start.flatten()[None], starts[: count - 1]])
        minimum = minimize(
            scaled,
            starts,
            self._rule(problem, float(gradients[0].abs().max())),
            highest=float(values[0]),
            known=known if start is None else None,
            first_step=_FIRST_STEP * size**0.5 * float(flat.reshape(-1, dim).std(0).norm()),
        )
        points = minimum.point.reshape(size, dim)
        evaluations = minimum.evaluations + len(flat)
        weights = problem.weights(points)
        return Compression(points, weights, minimum.value / scale, minimum.converged, evaluations)

    def _rule(self, problem: AbstractProblem, steepest: float) -> StoppingRule:
        """Returns the stopping rule, given the largest gradient at i.i.d. samples."""
        total = problem.total
        remainder = total ** (-1 / problem.dim)
        progress = self.progress_tolerance * remainder * (total / problem.size) ** 2
        progress = min(progress, _NEGLIGIBLE_PROGRESS)
        return StoppingRule(self.max_iterations, self.gradient_tolerance * steepest, progress)

    def _num_starts(self, problem: AbstractProblem) -> int:
        if self.restarts is not None:
            return self.restarts
        useful = _STARTS_FOR_ONE // (problem.size * problem.dim**2)
        past = problem.total - problem.size
        affordable = _STARTED_PAIRS // (problem.size * max(problem.size // 4, past, 1))
        return max(1, min(_MOST_STARTS, useful, affordable))
