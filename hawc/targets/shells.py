"""Distributions that look the same in every direction: a length, and a direction that is free."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import final

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from scipy.special import betainc, betaincinv, gammainc, gammaincinv
from torch import Tensor

__all__ = ["Shells", "chi", "student_t"]

LengthFunction = Callable[[NDArray[np.float64]], NDArray[np.float64]]


@final
@dataclass(frozen=True, eq=False)
class Shells:
    """The spheres or ellipsoids on which the samples of a distribution lie.

    A sample is center + r A u: a length r, and independent of it a direction u, uniform on the unit
    sphere of R^rank. In many dimensions nearly all lengths are equal (r near sqrt(rank) for
    N(0, I)), and a decoder has seen no others.

    Args:
        rank: dimension of the directions, at least 1.
        quantile: probabilities to lengths r.
        probability: lengths r to probabilities, the distribution function of r.
        center: (d,); the origin if None.
        factor: A: (d, rank), or a number times the identity.
        inverse: a left inverse of A, (rank, d); 1 / A for a number.
    """

    rank: int
    quantile: LengthFunction
    probability: LengthFunction
    center: Float[Tensor, " d"] | None = None
    factor: Float[Tensor, "d k"] | float = 1.0
    inverse: Float[Tensor, "k d"] | float = 1.0

    def whitened(self, points: Float[Tensor, "n d"]) -> Float[Tensor, "n k"]:
        """Returns r u of each point, in the points' dtype; the points themselves for N(0, I)."""
        if self.center is not None:
            points = points - self.center.to(points)
        return _product(points, self.inverse)

    def points(self, whitened: Float[Tensor, "*n k"]) -> Float[Tensor, "*n d"]:
        """Returns center + A r u, given r u."""
        points = _product(whitened, self.factor)
        return points if self.center is None else points + self.center.to(points)

    def pulled_back(self, gradient: Float[Tensor, "*n d"]) -> Float[Tensor, "*n k"]:
        """Returns the gradient in r u of a function, given its gradient in the points."""
        transposed = self.factor.T if isinstance(self.factor, Tensor) else self.factor
        return _product(gradient, transposed)

    def lengths(self, points: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
        """Returns r of each point."""
        lengths: Tensor = torch.linalg.vector_norm(self.whitened(points), dim=1)
        return lengths

    def at(
        self, points: Float[Tensor, "n d"], lengths: Float[Tensor, " n"]
    ) -> Float[Tensor, "n d"]:
        """Returns the points moved along their rays from the center to the given lengths."""
        whitened = self.whitened(points)
        now = torch.linalg.vector_norm(whitened, dim=1).clamp(min=torch.finfo(points.dtype).tiny)
        return self.points(whitened * (lengths.to(now) / now)[:, None])

    def lengths_at(self, probabilities: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
        """Returns the lengths at these probabilities, in float64 on the CPU."""
        return torch.from_numpy(self.quantile(probabilities.double().cpu().numpy()))

    def probabilities_of(self, points: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
        """Returns the probability of a shorter length than each point's, in float64 on the CPU."""
        return torch.from_numpy(self.probability(self.lengths(points).double().cpu().numpy()))


def _product(points: Float[Tensor, "*n k"], factor: Tensor | float) -> Float[Tensor, "*n d"]:
    """Returns the product of a matrix, or a number, with every point."""
    if isinstance(factor, Tensor):
        return points @ factor.to(points).T
    return points if factor == 1 else factor * points


def chi(degrees: int) -> tuple[LengthFunction, LengthFunction]:
    """Returns quantile and probability of |Z|, Z ~ N(0, I) on R^degrees."""
    return partial(_chi_quantile, degrees / 2), partial(_chi_probability, degrees / 2)


def student_t(dim: int, degrees: int, scale: float) -> tuple[LengthFunction, LengthFunction]:
    """Returns quantile and probability of |T|, T Student t on R^dim with a scale matrix scale^2 I.

    |T|^2 / (|T|^2 + degrees scale^2) has the distribution Beta(dim / 2, degrees / 2).
    """
    shape = dim / 2, degrees / 2, degrees * scale**2
    return partial(_student_quantile, *shape), partial(_student_probability, *shape)


def _chi_quantile(half: float, p: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.sqrt(2 * gammaincinv(half, p)))


def _chi_probability(half: float, r: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(gammainc(half, np.square(r) / 2))


def _student_quantile(
    a: float, b: float, squared: float, p: NDArray[np.float64]
) -> NDArray[np.float64]:
    share = betaincinv(a, b, p)
    return np.asarray(np.sqrt(squared * share / (1 - share)))


def _student_probability(
    a: float, b: float, squared: float, r: NDArray[np.float64]
) -> NDArray[np.float64]:
    return np.asarray(betainc(a, b, np.square(r) / (np.square(r) + squared)))
