"""Elliptical distributions: affine maps of random lengths and uniform directions.

Source: S. Cambanis, S. Huang, G. Simons 1981, "On the theory of elliptically contoured
distributions", J. Multivariate Analysis 11:368.
"""

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

__all__ = ["EllipticalForm", "normal_lengths", "student_t_lengths"]

LengthFunction = Callable[[NDArray[np.float64]], NDArray[np.float64]]


@final
@dataclass(frozen=True, eq=False)
class EllipticalForm:
    """The form center + r A u of a distribution's samples.

    The direction u is uniform on the unit sphere of R^rank. The length r > 0 is independent of it.
    In many dimensions nearly all lengths are equal: r is near sqrt(rank) for N(0, I). A decoder is
    trained on these lengths only.

    Args:
        rank: dimension of the directions, at least 1.
        quantile: from probabilities to lengths r.
        probability: from lengths r to probabilities, the distribution function of r.
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
        """Returns r u of each point, in the points' dtype."""
        if self.center is not None:
            points = points - self.center.to(points)
        return _product(points, self.inverse)

    def points(self, whitened: Float[Tensor, "*n k"]) -> Float[Tensor, "*n d"]:
        """Returns center + A r u, given r u."""
        points = _product(whitened, self.factor)
        return points if self.center is None else points + self.center.to(points)

    def whitened_gradient(self, gradient: Float[Tensor, "*n d"]) -> Float[Tensor, "*n k"]:
        """Returns a function's gradient in r u, given its gradient in the points."""
        transposed = self.factor.T if isinstance(self.factor, Tensor) else self.factor
        return _product(gradient, transposed)

    def lengths(self, points: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
        """Returns r of each point."""
        lengths: Tensor = torch.linalg.vector_norm(self.whitened(points), dim=1)
        return lengths

    def with_lengths(
        self, points: Float[Tensor, "n d"], lengths: Float[Tensor, " n"]
    ) -> Float[Tensor, "n d"]:
        """Returns the points moved to the given lengths, each on its ray from the center."""
        whitened = self.whitened(points)
        norms = torch.linalg.vector_norm(whitened, dim=1).clamp(min=torch.finfo(points.dtype).tiny)
        return self.points(whitened * (lengths.to(norms) / norms)[:, None])

    def lengths_at(self, probabilities: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
        """Returns the quantiles of the length in float64 on the CPU."""
        return torch.from_numpy(self.quantile(probabilities.double().cpu().numpy()))

    def probabilities_of(self, points: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
        """Returns the probability of a length below each point's, in float64 on the CPU."""
        return torch.from_numpy(self.probability(self.lengths(points).double().cpu().numpy()))


def _product(points: Float[Tensor, "*n k"], factor: Tensor | float) -> Float[Tensor, "*n d"]:
    """Returns the product of a matrix, or a number, with every point."""
    if isinstance(factor, Tensor):
        return points @ factor.to(points).T
    return points if factor == 1 else factor * points


def normal_lengths(dim: int) -> tuple[LengthFunction, LengthFunction]:
    """Returns quantile and distribution function of |Z|, Z ~ N(0, I) on R^dim (chi)."""
    return partial(_chi_quantile, dim / 2), partial(_chi_probability, dim / 2)


def student_t_lengths(
    dim: int, degrees: int, scale: float
) -> tuple[LengthFunction, LengthFunction]:
    """Returns quantile and distribution function of |T|, T Student t on R^dim.

    Its scale matrix is scale^2 I, and
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
