"""Points as typical as samples: lengths are the distribution's, directions are optimized."""

from dataclasses import dataclass, replace
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.arguments import whole_number
from hawc.compression.deterministic import Deterministic
from hawc.compression.exchange import exchange
from hawc.compression.problem import AbstractProblem, CompressionProblem
from hawc.compression.solver import AbstractSolver, Compression
from hawc.compression.strata import complementing_strata
from hawc.kernels import Energy, HuberEnergy
from hawc.targets import Normal, StandardNormal
from hawc.targets.orthogonal import orthogonal_normal
from hawc.targets.shells import Shells

__all__ = ["Typical"]

# Lengths keep within these probabilities, the 1 % and the 99 % quantile with room for rounding.
_SHORTEST, _LONGEST = 0.0101, 0.9899
# One per cent of the distance is lost to a patient descent, in a third of the time.
_DESCENT = Deterministic(progress_tolerance=1e-3)
_CANDIDATES_A_POINT = 128, 8  # one point gains little from more, many points need some freedom


@final
@dataclass(frozen=True)
class Typical(AbstractSolver):
    """Chooses points whose lengths are those of the target's samples, and optimizes directions.

    A decoder knows latents of the prior's lengths only: |z| is near sqrt(d) for N(0, I) in many
    dimensions. Free points break that where the batch is small or the history unbalanced; their
    images are blurred or outliers. Here each length is a quantile of the target's own lengths,
    between 1 % and 99 %, such that all lengths of history and batch together are distributed as the
    target's (``hawc.compression.strata``). Directions minimize the objective by L-BFGS. Without a
    history, the directions of a regular simplex are within 4 % of the optimum for up to dim points
    of N(0, I) and |x - y|; no descent is made then. On a line the signed quantiles are stratified.

    A `Normal` with a covariance matrix is whitened first. Otherwise a point could put all of its
    length into the direction of the smallest variance, where it changes the image least.

    A target without `AbstractTarget.shells`, such as a mixture, a cube or a data set, has no such
    lengths: the points are then the best of many samples, chosen by exchange. Of `Empirical` they
    are rows of its points.

    Only the descent uses `start`; a closed form and a choice among samples need none.

    Args:
        num_candidates: most samples to choose from where the target has no shells, at least 1: 128
            for each new point up to this number, but never fewer than eight for each.

    Raises:
        ValueError: if `num_candidates` is no whole number of at least 1.
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
        shells = problem.target.shells()
        if shells is None:
            return self._best_samples(problem, generator)
        if shells.rank == 1:
            return _on_a_line(problem, shells, generator)
        if isinstance(shells.factor, Tensor):
            return self._solve_whitened(problem, shells, shells.factor, generator, start)
        on_shells = _OnShells(problem, shells, generator)
        if on_shells.simplex_will_do:
            return _judged(problem, on_shells.points(on_shells.spread(generator)), 1)
        whitened = None if start is None else shells.whitened(start)
        found = _DESCENT.solve(on_shells, generator, whitened)
        return replace(found, points=on_shells.points(found.points))

    def _solve_whitened(
        self,
        problem: CompressionProblem,
        shells: Shells,
        factor: Float[Tensor, "d k"],
        generator: torch.Generator,
        start: Float[Tensor, "k d"] | None,
    ) -> Compression:
        # an ellipsoid of the same size as a sphere: a length there is a kernel's length as before
        size = float(factor.square().sum(0).mean().sqrt())
        sphere = Normal(torch.zeros(shells.rank, dtype=torch.float64, device="cpu"), size**2)
        inner = problem.transferred(sphere, size * shells.whitened(problem.history))
        start = None if start is None else size * shells.whitened(start)
        found = self.solve(inner, generator, start)
        points = shells.points(found.points / size)
        value, _ = problem.value_and_gradient(points[None])
        return replace(found, points=points, objective=float(value))

    def _best_samples(self, problem: CompressionProblem, generator: torch.Generator) -> Compression:
        most, least = (times * problem.size for times in _CANDIDATES_A_POINT)
        count = max(min(self.num_candidates, most), least)
        candidates = problem.target.sample(count, generator=generator).double()
        field = problem.field_alone(candidates)

        def repulsion(index: int) -> Float[Tensor, " m"]:
            return problem.kernel(candidates, candidates[[index]])[:, 0]

        points = candidates[exchange(field, repulsion, problem.size)]
        return _judged(problem, points, count)


@final
class _OnShells(AbstractProblem):
    """The problem in r u, the lengths r being given: only directions u of its arguments count."""

    def __init__(
        self, problem: CompressionProblem, shells: Shells, generator: torch.Generator
    ) -> None:
        self._problem = problem
        self._shells = shells
        self.size, self.total = problem.size, problem.total
        past = shells.probabilities_of(problem.history).numpy()
        probabilities = torch.from_numpy(complementing_strata(past, self.size))
        self._lengths = _shuffled(_lengths_at(shells, probabilities), generator)
        assert isinstance(shells.factor, float)  # a matrix has been taken away by whitening
        self._scale = shells.factor

    @property
    def dim(self) -> int:
        return self._shells.rank

    @property
    def simplex_will_do(self) -> bool:
        linear = isinstance(self._problem.kernel, Energy | HuberEnergy)
        return linear and self.total == self.size <= self.dim

    def points(self, whitened: Float[Tensor, "k d"]) -> Float[Tensor, "k d"]:
        """Returns the points in those directions at the lengths."""
        return self._shells.points(self._scaled(whitened)[0])

    def value_and_gradient(
        self, points: Float[Tensor, "r k d"]
    ) -> tuple[Float[Tensor, " r"], Float[Tensor, "r k d"]]:
        scaled, share = self._scaled(points)
        value, gradient = self._problem.value_and_gradient(self._shells.points(scaled))
        gradient = self._scale * gradient
        # a change of length changes nothing
        radial = (gradient * scaled).sum(2, keepdim=True) / self._lengths.square()[:, None]
        return value, share * (gradient - radial * scaled)

    def weights(self, points: Float[Tensor, "k d"]) -> Float[Tensor, " k"]:
        return self._problem.weights(self.points(points))

    def candidates(self, generator: torch.Generator, count: int) -> Float[Tensor, "r k d"]:
        independent = StandardNormal(self.dim).sample(self.size, generator=generator).double()
        sets = [independent, *(self.spread(generator) for _ in range(count))]
        return self._scaled(torch.stack(sets))[0]

    def spread(self, generator: torch.Generator) -> Float[Tensor, "k d"]:
        """Returns directions that repel each other: a simplex of random orientation if it fits."""
        directions = orthogonal_normal(self.size, self.dim, generator=generator).double()
        directions = torch.nn.functional.normalize(directions, dim=1)
        return directions - directions.mean(0) if 1 < self.size <= self.dim else directions

    def _scaled(
        self, whitened: Float[Tensor, "*r k d"]
    ) -> tuple[Float[Tensor, "*r k d"], Float[Tensor, "*r k 1"]]:
        """Returns the arguments at the lengths, and by what they were multiplied."""
        now: Tensor = torch.linalg.vector_norm(whitened, dim=-1, keepdim=True)
        share = self._lengths[:, None] / now
        return whitened * share, share


def _on_a_line(
    problem: CompressionProblem, shells: Shells, generator: torch.Generator
) -> Compression:
    """Returns points whose signed quantiles are stratified: a direction is but a sign there."""
    whitened = shells.whitened(problem.history)
    signed = shells.probabilities_of(problem.history) * whitened[:, 0].sign().double().cpu()
    chosen = (
        2 * torch.from_numpy(complementing_strata((0.5 + 0.5 * signed).numpy(), problem.size)) - 1
    )
    lengths = _lengths_at(shells, chosen.abs()).copysign(chosen)
    return _judged(problem, shells.points(_shuffled(lengths, generator)[:, None]), 1)


def _lengths_at(shells: Shells, probabilities: Float[Tensor, " k"]) -> Float[Tensor, " k"]:
    return shells.lengths_at(probabilities.clamp(_SHORTEST, _LONGEST))


def _shuffled(numbers: Float[Tensor, " k"], generator: torch.Generator) -> Float[Tensor, " k"]:
    order = torch.randperm(len(numbers), generator=generator, device=generator.device)
    return numbers.to(generator.device)[order]


def _judged(
    problem: CompressionProblem, points: Float[Tensor, "k d"], evaluations: int
) -> Compression:
    """Returns the points as a solution that needs no descent."""
    value, _ = problem.value_and_gradient(points[None])
    return Compression(points, problem.weights(points), float(value), True, evaluations)
