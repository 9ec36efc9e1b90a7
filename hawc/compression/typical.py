"""Points with the lengths of the target's samples and optimized directions."""

from dataclasses import dataclass, replace
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.arguments import whole_number
from hawc.compression.deterministic import Deterministic
from hawc.compression.direction_problem import DirectionProblem
from hawc.compression.exchange import exchange
from hawc.compression.problem import CompressionProblem
from hawc.compression.solver import AbstractSolver, Compression
from hawc.compression.stratification import stratified_complement
from hawc.kernels import Energy, HuberEnergy
from hawc.targets import Normal
from hawc.targets.elliptical_form import EllipticalForm

__all__ = ["Typical"]

# Probabilities of the shortest and longest point: 1 % and 99 %, with room for rounding.
_SHORTEST, _LONGEST = 0.0101, 0.9899
# This descent loses 1 % of the distance to one with the default tolerance, in a third of its time.
_DESCENT = Deterministic(progress_tolerance=1e-3)
# More candidates gain little for one point. Fewer leave no choice to many points.
_MOST_PER_POINT, _LEAST_PER_POINT = 128, 8


@final
@dataclass(frozen=True)
class Typical(AbstractSolver):
    """Points with the lengths of the target's samples and optimized directions.

    A decoder is trained on latents with the prior's lengths only: |z| is near sqrt(d) for N(0, I)
    in many dimensions. Free points have other lengths where the batch is small or the history far
    from the target; their images are blurred or outliers.

    Lengths: each is a quantile of the target's own lengths, between 1 % and 99 %. Together with
    those of the history they are distributed as the target's (``hawc.compression.stratification``).

    Directions: they minimize the objective by L-BFGS. No descent is needed for up to dim points of
    N(0, I) and |x - y| without a history: a regular simplex is within 4 % of the optimum. On a line
    the signed quantiles are stratified.

    A `Normal` with a covariance matrix is whitened first. Otherwise a point could put all of its
    length into the direction of the smallest variance, where it changes the image least.

    A target without `AbstractTarget.elliptical_form`, such as a mixture, a cube or a data set, has
    no such lengths. The points are then the best of many samples, chosen by exchange; for
    `Empirical` they are rows of its points.

    Only the descent uses `start`.

    Args:
        num_candidates: the most samples to choose from if the target has no elliptical form, at
            least 1. There are 128 samples for each new point up to this limit, and never fewer than
            8 for each.

    Raises:
        ValueError: if `num_candidates` is not an integer of at least 1.
    """

    num_candidates: int = 1024

    def __post_init__(self) -> None:
        whole_number("num_candidates", self.num_candidates, 1)

    def solve(
        self,
        problem: CompressionProblem,
        generator: torch.Generator,
        start: Float[Tensor, "k d"] | None = None,
    ) -> Compression:
        form = problem.target.elliptical_form()
        if form is None:
            return self._best_samples(problem, generator)
        if form.rank == 1:
            return _solve_on_line(problem, form, generator)
        if isinstance(form.factor, Tensor):
            return self._solve_whitened(problem, form, form.factor, generator, start)
        past = form.probabilities_of(problem.history).numpy()
        probabilities = torch.from_numpy(stratified_complement(past, problem.size))
        lengths = _shuffled(_lengths_at(form, probabilities), generator)
        directions = DirectionProblem(problem, form, lengths)
        if _is_simplex_enough(problem, form):
            return _without_descent(
                problem, directions.points(directions.spread_directions(generator)), 1
            )
        whitened = None if start is None else form.whitened(start)
        solution = _DESCENT.solve(directions, generator, whitened)
        return replace(solution, points=directions.points(solution.points))

    def _solve_whitened(
        self,
        problem: CompressionProblem,
        form: EllipticalForm,
        factor: Float[Tensor, "d k"],
        generator: torch.Generator,
        start: Float[Tensor, "k d"] | None,
    ) -> Compression:
        # the sphere is as large as the ellipsoid, so that the kernel's lengths keep their meaning
        size = float(factor.square().sum(0).mean().sqrt())
        sphere = Normal(torch.zeros(form.rank, dtype=torch.float64, device="cpu"), size**2)
        inner = problem.transferred(sphere, size * form.whitened(problem.history))
        start = None if start is None else size * form.whitened(start)
        solution = self.solve(inner, generator, start)
        points = form.points(solution.points / size)
        value, _ = problem.value_and_gradient(points[None])
        return replace(solution, points=points, objective=float(value))

    def _best_samples(self, problem: CompressionProblem, generator: torch.Generator) -> Compression:
        most, least = _MOST_PER_POINT * problem.size, _LEAST_PER_POINT * problem.size
        count = max(min(self.num_candidates, most), least)
        candidates = problem.target.sample(count, generator=generator).double()
        field = problem.field_values(candidates)

        def repulsion(index: int) -> Float[Tensor, " m"]:
            return problem.kernel(candidates, candidates[[index]])[:, 0]

        points = candidates[exchange(field, repulsion, problem.size)]
        return _without_descent(problem, points, count)


def _is_simplex_enough(problem: CompressionProblem, form: EllipticalForm) -> bool:
    linear = isinstance(problem.kernel, Energy | HuberEnergy)
    return linear and problem.total == problem.size <= form.rank


def _solve_on_line(
    problem: CompressionProblem, form: EllipticalForm, generator: torch.Generator
) -> Compression:
    """Returns points with stratified signed quantiles: directions are signs there."""
    whitened = form.whitened(problem.history)
    signed = form.probabilities_of(problem.history) * whitened[:, 0].sign().double().cpu()
    past = (0.5 + 0.5 * signed).numpy()
    chosen = 2 * torch.from_numpy(stratified_complement(past, problem.size)) - 1
    lengths = _lengths_at(form, chosen.abs()).copysign(chosen)
    return _without_descent(problem, form.points(_shuffled(lengths, generator)[:, None]), 1)


def _lengths_at(form: EllipticalForm, probabilities: Float[Tensor, " k"]) -> Float[Tensor, " k"]:
    return form.lengths_at(probabilities.clamp(_SHORTEST, _LONGEST))


def _shuffled(numbers: Float[Tensor, " k"], generator: torch.Generator) -> Float[Tensor, " k"]:
    order = torch.randperm(len(numbers), generator=generator, device=generator.device)
    return numbers.to(generator.device)[order]


def _without_descent(
    problem: CompressionProblem, points: Float[Tensor, "k d"], evaluations: int
) -> Compression:
    """Returns the points, with their weights and objective, as a converged solution."""
    value, _ = problem.value_and_gradient(points[None])
    return Compression(points, problem.weights(points), float(value), True, evaluations)
