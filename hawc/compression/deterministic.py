"""The default solver: quasi-Newton descents of the exact objective, several starts at once."""

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.compression.lbfgs import StoppingRule, minimize
from hawc.compression.problem import CompressionProblem
from hawc.compression.solver import AbstractSolver, Compression

__all__ = ["Deterministic"]

# Starts that are chosen for the caller, where several are worth their time: in many dimensions
# every start ends equally well, and for many points too.
_MOST_STARTS = 16
_STARTS_FOR_ONE = 2**13
_STARTED_PAIRS = 2**16
# Of what one batch can win, this share may always be left out: with a long history it changes the
# distance of all points together by that share of a small share only.
_NEGLIGIBLE_PROGRESS = 2e-2
# Steps over which progress is judged.
_WINDOW = 10
# Length of the first step, in units of the law's spread.
_FIRST_STEP = 0.25


@final
@dataclass(frozen=True)
class Deterministic(AbstractSolver):
    """L-BFGS on the exact objective from several starts; the best one is kept.

    Args:
        restarts: number of starts, at least 1, the worse half of them given up every thirty steps;
            None for 16 where K dim^2 <= 512, fewer for larger problems, down to 1.
        max_iterations: of each start, at least 1.
        gradient_tolerance: > 0; stop when no coordinate of the gradient of K f exceeds it: without
            history the pull of the law on one point is of order one there.
        progress_tolerance: >= 0; stop also when ten steps have lowered the objective by less than
            this share of the whole decrease, times ((Kp + K) / K)^2 since the total's distance
            changes by f (K / (Kp + K))^2 only; by less than 2 % in any case. 0 never stops so.

    Raises:
        ValueError: if an argument is out of its range.
    """

    restarts: int | None = None
    max_iterations: int = 1000
    gradient_tolerance: float = 1e-6
    progress_tolerance: float = 2e-6

    def __post_init__(self) -> None:
        for name in ("restarts", "max_iterations"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"`{name}` must be at least 1, got {value}.")
        if not self.gradient_tolerance > 0:
            raise ValueError(f"`gradient_tolerance` must be > 0, got {self.gradient_tolerance}.")
        if not self.progress_tolerance >= 0:
            raise ValueError(f"`progress_tolerance` must be >= 0, got {self.progress_tolerance}.")

    def solve(
        self,
        problem: CompressionProblem,
        generator: torch.Generator,
        start: Float[Tensor, "k d"] | None = None,
    ) -> Compression:
        size, dim = problem.size, problem.target.dim
        draws = problem.start(generator, max(_MOST_STARTS, self.restarts or 0))
        count = self._num_starts(problem)
        # others may have taken the places that a warm start aims at: fresh draws compete with it
        starts = draws[:count] if start is None else torch.cat([start[None], draws[: count - 1]])
        scale = size**2 / problem.total  # the law's pull on one point is of order one then

        def scaled(flat: Float[Tensor, "r n"]) -> tuple[Float[Tensor, " r"], Float[Tensor, "r n"]]:
            value, gradient = problem.value_and_gradient(flat.reshape(-1, size, dim))
            return scale * value, scale * gradient.flatten(1)

        found = minimize(
            scaled,
            starts.flatten(1),
            self._rule(size / problem.total),
            highest=None if start is None else float(scaled(draws[:1].flatten(1))[0]),
            first_step=_FIRST_STEP * size**0.5 * float(draws.flatten(0, 1).std(0).norm()),
        )
        points = found.point.reshape(size, dim)
        return Compression(
            points,
            problem.weights(points),
            found.value / scale,
            found.converged,
            found.evaluations,
        )

    def _rule(self, share: float) -> StoppingRule:
        """Returns when to stop for a batch that is this share of all points."""
        progress = min(self.progress_tolerance / share**2, _NEGLIGIBLE_PROGRESS)
        return StoppingRule(self.max_iterations, self.gradient_tolerance * share, progress, _WINDOW)

    def _num_starts(self, problem: CompressionProblem) -> int:
        if self.restarts is not None:
            return self.restarts
        useful = _STARTS_FOR_ONE // (problem.size * problem.target.dim**2)
        affordable = _STARTED_PAIRS // (problem.size * problem.total)
        return max(1, min(_MOST_STARTS, useful, affordable))
