"""Divergences of two normal distributions, in closed form where one exists.

    KL(p || q) = 1/2 (tr S_q^-1 S_p + (m_q - m_p)' S_q^-1 (m_q - m_p) - d + log det S_q / det S_p)
    TV = 2 Phi(D / 2) - 1 for equal covariances, D^2 = (m_q - m_p)' S^-1 (m_q - m_p); on the line
         from the two points where the densities cross
    W1 = E |m_p - m_q + (s_p - s_q) Z| on the line; |m_p - m_q| for equal covariances
    d^2 = u(m_p - m_q) - self energies, u the potential of N(0, S_p + S_q) in h = |x - y|

Jensen-Shannon has no closed form; on the line it is computed by quadrature. Other cases without a
closed form raise a ValueError that names another way. Values are floats, in nats or in units of the
points.
"""

import itertools
import math
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from scipy.special import ndtr
from torch import Tensor

from hawc.divergences import densities
from hawc.kernels import Energy
from hawc.targets import Normal

__all__ = [
    "jensen_shannon",
    "jensen_shannon_sum",
    "kl",
    "reverse_kl",
    "squared_energy_distance",
    "total_variation",
    "wasserstein_1",
]

_EPS = torch.finfo(torch.float64).eps
_EQUAL = 1e-12  # relative to the deviations: covariances differ by rounding only
_REACH = 12.0  # standard deviations; 4e-33 of the mass lies beyond


@final
@dataclass(frozen=True)
class _Plane:
    """The plane that contains a distribution.

    The covariance is D A V A^T D, with the deviations D. V and A are those of the correlations, so
    that variances in small units are not taken for 0.

    Args:
        deviations: of the coordinates, > 0; 1 for a constant coordinate.
        axes: orthonormal columns.
        variances: > 0 beyond rounding.
    """

    deviations: Float[Tensor, " d"]
    axes: Float[Tensor, "d r"]
    variances: Float[Tensor, " r"]

    @property
    def factor(self) -> Float[Tensor, "d r"]:
        """A matrix whose product with its transpose is the covariance."""
        return self.deviations[:, None] * self.axes * self.variances.sqrt()

    @property
    def tilt(self) -> float:
        """The rotation of the axes by rounding of the covariance."""
        return _rounding(self.axes) * float(self.variances.reciprocal().sum())

    def coordinates(self, vectors: Float[Tensor, "d k"]) -> Float[Tensor, "r k"]:
        """Returns the coordinates c with factor @ c = vectors, for vectors in the plane."""
        return (self.axes.T @ (vectors / self.deviations[:, None])) / self.variances.sqrt()[:, None]

    def contains(self, vectors: Float[Tensor, "d k"], slack: Float[Tensor, "d k"]) -> bool:
        """Returns whether the plane contains the vectors, up to rounding and a slack."""
        scaled = vectors / self.deviations[:, None]
        onto = self.axes @ self.axes.T
        outside = (scaled - onto @ scaled).abs()
        turned = self.tilt * (onto.abs() @ scaled.abs())
        slack = slack / self.deviations[:, None]
        return bool((outside <= turned + slack + onto.abs() @ slack).all())


def _plane(distribution: Normal) -> _Plane:
    variances = distribution.covariance.diagonal()
    varies = variances > 0
    deviations = torch.where(varies, variances, 1.0).sqrt()
    correlations = (
        distribution.covariance / deviations / deviations[:, None] * torch.outer(varies, varies)
    )
    shares, axes = torch.linalg.eigh(correlations)
    positive = shares > _rounding(axes) * shares[-1]
    return _Plane(deviations, axes[:, positive], shares[positive])


def _rounding(axes: Float[Tensor, "d r"]) -> float:
    return 10 * len(axes) * _EPS  # as in `Normal`


def kl(p: Normal, q: Normal) -> float:
    """Returns KL(p || q) >= 0, infinite if the distributions lie in different planes.

    Two distributions in the same plane are compared there. On the line a distribution is a point
    only if its variance is exactly 0. In more dimensions the rank of the correlations, up to
    rounding, gives the plane.

    Raises:
        ValueError: if the distributions have different dimensions.
    """
    _check_dimensions(p, q)
    if p.dim == 1:
        return _kl_on_line(p, q)
    plane, other = _plane(p), _plane(q)
    shift = (q.mean - p.mean)[:, None]
    if plane.axes.shape != other.axes.shape:
        return math.inf
    if len(other.variances) < p.dim:
        slack = _EPS * (p.mean.abs() + q.mean.abs())[:, None]
        factor = plane.factor
        if not (other.contains(shift, slack) and other.contains(factor, plane.tilt * factor.abs())):
            return math.inf
    ratio, distance = other.coordinates(plane.factor), other.coordinates(shift)
    log_ratio = float(torch.linalg.slogdet(ratio).logabsdet)
    squares = float(ratio.square().sum() + distance.square().sum())
    return max(0.0, 0.5 * (squares - len(ratio)) - log_ratio)


def _kl_on_line(p: Normal, q: Normal) -> float:
    (m, s), (n, t) = _mean_and_deviation(p), _mean_and_deviation(q)
    if 0 in (s, t):
        return 0.0 if (m, s) == (n, t) else math.inf
    ratio, distance = s / t, (m - n) / t
    return max(0.0, 0.5 * (ratio * ratio - 1 + distance * distance) + math.log(t) - math.log(s))


def reverse_kl(p: Normal, q: Normal) -> float:
    """Returns KL(q || p)."""
    return kl(q, p)


def total_variation(p: Normal, q: Normal) -> float:
    """Returns 1/2 int |p - q|, in [0, 1].

    Raises:
        ValueError: if the distributions have different dimensions, or covariances that differ or
            are singular in more than one dimension.
    """
    _check_dimensions(p, q)
    if p.dim == 1:
        return _total_variation_on_line(p, q)
    if not _equal_covariances(p, q) or not math.isfinite(kl(p, q)):
        raise ValueError(
            "`p` and `q` must have equal regular covariances in more than one dimension, since "
            "total variation has no closed form otherwise; use histograms of samples."
        )
    return float(math.erf(math.sqrt(kl(p, q)) / 2))  # D^2 = 2 KL; 2 Phi(D/2) - 1 = erf(D / sqrt 8)


def jensen_shannon(p: Normal, q: Normal) -> float:
    """Returns 1/2 KL(p || m) + 1/2 KL(q || m), in [0, log 2], by quadrature.

    Raises:
        ValueError: if the distributions are not on the line.
    """
    return 0.5 * jensen_shannon_sum(p, q)


def jensen_shannon_sum(p: Normal, q: Normal) -> float:
    """Returns KL(p || m) + KL(q || m), twice `jensen_shannon`."""
    _check_dimensions(p, q)
    if p.dim > 1:
        raise ValueError(
            f"`p` and `q` must be on the line, got dimension {p.dim}, where Jensen-Shannon has no "
            "closed form; use histograms of samples."
        )
    (m, s), (n, t) = _mean_and_deviation(p), _mean_and_deviation(q)
    if 0 in (s, t) or abs(m - n) > _REACH * (s + t):
        return 0.0 if (m, s) == (n, t) else 2 * math.log(2)
    if s < t:
        return jensen_shannon_sum(q, p)
    # relative to the narrow distribution, so that neither a far mean nor a scale loses digits
    shift, ratio = (m - n) / t, s / t
    wide = Normal(torch.tensor([shift], dtype=torch.float64, device="cpu"), ratio * ratio)
    narrow = Normal(torch.tensor([0.0], dtype=torch.float64, device="cpu"), 1.0)
    ends = {shift - _REACH * ratio, shift + _REACH * ratio, -_REACH, _REACH}
    return densities.jensen_shannon_sum(wide.log_density, narrow.log_density, tuple(sorted(ends)))


def wasserstein_1(p: Normal, q: Normal) -> float:
    """Returns min E |X - Y| over couplings of X ~ p and Y ~ q.

    Raises:
        ValueError: if the distributions have different dimensions, or different covariances in more
            than one.
    """
    _check_dimensions(p, q)
    if _equal_covariances(p, q):  # the optimal transport is a translation
        return float(torch.linalg.vector_norm(p.mean - q.mean))
    if p.dim > 1:
        raise ValueError(
            "`p` and `q` must have equal covariances in more than one dimension, since W1 has no "
            "closed form otherwise; use hawc.divergences.transport on samples."
        )
    (m, s), (n, t) = _mean_and_deviation(p), _mean_and_deviation(q)
    # X and Y are increasing functions of one Z, so their difference is normal
    shift, spread = m - n, abs(s - t)
    density = math.exp(-0.5 * (shift / spread) ** 2) / math.sqrt(2 * math.pi)
    return 2 * spread * density + shift * math.erf(shift / (spread * math.sqrt(2)))


def squared_energy_distance(p: Normal, q: Normal) -> float:
    """Returns E |X - Y| - 1/2 E |X - X'| - 1/2 E |Y - Y'| >= 0, up to rounding.

    Raises:
        ValueError: if the distributions have different dimensions.
    """
    _check_dimensions(p, q)
    difference = Normal(torch.zeros_like(p.mean), p.covariance + q.covariance)
    between = float(difference.potential(Energy())((p.mean - q.mean)[None]))
    return between - p.self_energy(Energy()) - q.self_energy(Energy())


def _total_variation_on_line(p: Normal, q: Normal) -> float:
    (m, s), (n, t) = _mean_and_deviation(p), _mean_and_deviation(q)
    if 0 in (s, t) or abs(m - n) > _REACH * (s + t):
        return float((m, s) != (n, t))
    if s < t:
        return _total_variation_on_line(q, p)
    # relative to the narrow distribution, as above: there the wide one has mean ratio u, and the
    # log ratio of their densities is a x^2 + b x + c
    ratio, u = s / t, (m - n) / s
    a, b, c = 0.5 * (1 - 1 / ratio) * (1 + 1 / ratio), u / ratio, -0.5 * u * u - math.log(ratio)
    roots = _roots(a, b, c)
    below = [0.0, *(float(ndtr(x / ratio - u) - ndtr(x)) for x in roots), 0.0]
    return 0.5 * sum(abs(above - under) for under, above in itertools.pairwise(below))


def _roots(a: float, b: float, c: float) -> list[float]:
    """Returns the real roots of a x^2 + b x + c in order, without cancellation."""
    if a == 0:
        return [-c / b] if b != 0 else []
    # the discriminant is not negative, since two densities cross
    half = -0.5 * (b + math.copysign(math.sqrt(max(0.0, b * b - 4 * a * c)), b))
    return sorted([half / a, c / half]) if half != 0 else [0.0]


def _mean_and_deviation(distribution: Normal) -> tuple[float, float]:
    return float(distribution.mean), math.sqrt(max(0.0, float(distribution.covariance)))


def _equal_covariances(p: Normal, q: Normal) -> bool:
    deviations = p.covariance.diagonal().sqrt()
    slack = _EQUAL * torch.outer(deviations, deviations)
    return bool(((p.covariance - q.covariance).abs() <= slack).all())


def _check_dimensions(p: Normal, q: Normal) -> None:
    if p.dim != q.dim:
        raise ValueError(f"`p` and `q` must have the same dimension, got {p.dim} and {q.dim}.")
