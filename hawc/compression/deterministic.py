"""The default solver: quasi-Newton descents of the exact objective, several starts at once."""

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

# Starts that are chosen for the caller, where several are worth their time: in many dimensions
# every start ends equally well, and for many points too.
_MOST_STARTS = 16
_STARTS_FOR_ONE = 2**13  # for K = dim = 1; divided by K dim^2
_STARTED_PAIRS = 2**16
# Of what one batch can win, this share may always be left out: with a long history it changes the
# distance of all points together by that share of a small share only.
_NEGLIGIBLE_PROGRESS = 2e-2
# Points in the draws that the starts are chosen from, where that is more than the starts have.
_SCREENED_POINTS = 64
# Up to here an evaluation on the CPU is too short to be shared between threads.
_ONE_THREAD_PAIRS, _ONE_THREAD_ENTRIES = 2**18, 2**25  # pairs of points, and of coordinates
# Length of the first step, in units of the distribution's spread.
_FIRST_STEP = 0.25


@final
@dataclass(frozen=True)
class Deterministic(AbstractSolver):
    """L-BFGS on the exact objective from several starts; the best one is kept.

    Args:
        restarts: number of starts, at least 1, the worse half of them given up every sixty steps;
            None for 16 where K dim^2 <= 512, fewer for larger problems and against long histories,
            down to 1. `Deterministic(restarts=1, progress_tolerance=1e-4)` takes a fraction of the
            time in few dimensions and ends within a few per cent of the default.
        max_iterations: of each start, at least 1.
        gradient_tolerance: > 0; stop when no coordinate of the gradient exceeds this share of the
            largest one at i.i.d. samples of the distribution.
        progress_tolerance: >= 0; stop also when ten steps have lowered the objective by less than
            this share of the whole decrease from an independent batch, times T^(-1/dim), what good
            points leave of an independent set's squared distance, T = Kp + K, and (T/K)^2, since
            the total's changes by f (K/T)^2 only; by less than 2 % in any case. 0 never stops so.

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
        scale = size**2 / problem.total  # the pull of |x| on one point is of order one then

        def scaled(flat: Float[Tensor, "r n"]) -> tuple[Float[Tensor, " r"], Float[Tensor, "r n"]]:
            value, gradient = problem.value_and_gradient(flat.reshape(-1, size, dim))
            return scale * value, scale * gradient.flatten(1)

        # one evaluation of a few points more than is needed finds better starts; an independent
        # batch, the first row, tells what decrease and gradient are to be measured by
        candidates = problem.candidates(generator, max(count, _SCREENED_POINTS // size, 1))
        draws = candidates.flatten(1)
        values, gradients = scaled(draws)
        order = tolerant_argsort(values)[:count]
        starts, known = draws[order], (values[order], gradients[order])
        if start is not None:  # others may have taken the places that it aims at: draws compete
            starts = torch.cat([start.flatten()[None], starts[: count - 1]])
        found = minimize(
            scaled,
            starts,
            self._rule(problem, float(gradients[0].abs().max())),
            highest=float(values[0]),
            known=known if start is None else None,
            first_step=_FIRST_STEP * size**0.5 * float(draws.reshape(-1, dim).std(0).norm()),
        )
        points = found.point.reshape(size, dim)
        evaluations = found.evaluations + len(draws)
        weights = problem.weights(points)
        return Compression(points, weights, found.value / scale, found.converged, evaluations)

    def _rule(self, problem: AbstractProblem, steepest: float) -> StoppingRule:
        """Returns when to stop, the largest gradient of an independent batch being given."""
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
