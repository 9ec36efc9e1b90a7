"""Compression with fixed lengths: the objective as a function of the directions."""

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.compression.problem import AbstractProblem, CompressionProblem
from hawc.targets import StandardNormal
from hawc.targets.elliptical_form import EllipticalForm
from hawc.targets.fixed_lengths import FixedLengths
from hawc.targets.orthogonal import orthogonal_normal

__all__ = ["DirectionProblem"]


@final
class DirectionProblem(AbstractProblem):
    """A compression problem at fixed lengths, as a function of coordinates w.

    Only the directions of w count (``FixedLengths``).

    Args:
        problem: the problem in the points.
        form: of the problem's target.
        lengths: (size,) > 0, those of the points.
    """

    def __init__(
        self, problem: CompressionProblem, form: EllipticalForm, lengths: Float[Tensor, " k"]
    ) -> None:
        self._problem = problem
        self._rank = form.rank
        self._fixed = FixedLengths(form, lengths)
        self.size, self.total = problem.size, problem.total

    @property
    def dim(self) -> int:
        return self._rank

    def points(self, w: Float[Tensor, "k d"]) -> Float[Tensor, "k d"]:
        """Returns the points in the directions w."""
        return self._fixed.points(w)

    def value_and_gradient(
        self, points: Float[Tensor, "r k d"]
    ) -> tuple[Float[Tensor, " r"], Float[Tensor, "r k d"]]:
        at, pullback = self._fixed.points_and_pullback(points)
        value, gradient = self._problem.value_and_gradient(at)
        return value, pullback(gradient)

    def weights(self, points: Float[Tensor, "k d"]) -> Float[Tensor, " k"]:
        return self._problem.weights(self.points(points))

    def candidates(self, generator: torch.Generator, count: int) -> Float[Tensor, "r k d"]:
        independent = StandardNormal(self.dim).sample(self.size, generator=generator).double()
        sets = [independent, *(self.spread_directions(generator) for _ in range(count))]
        return self._fixed.normalized(torch.stack(sets))

    def spread_directions(self, generator: torch.Generator) -> Float[Tensor, "k d"]:
        """Returns directions that repel each other, a simplex if it fits."""
        directions = orthogonal_normal(self.size, self.dim, generator=generator).double()
        directions = torch.nn.functional.normalize(directions, dim=1)
        return directions - directions.mean(0) if 1 < self.size <= self.dim else directions
