"""Divergences of two normal distributions, in closed form where there is one.

    KL(p || q) = 1/2 (tr S_q^-1 S_p + (m_q - m_p)' S_q^-1 (m_q - m_p) - d + log det S_q / det S_p)
    TV = 2 Phi(D / 2) - 1 for equal covariances, D^2 = (m_q - m_p)' S^-1 (m_q - m_p); on the line
         from the two points where the densities cross
    W1 = E |m_p - m_q + (s_p - s_q) Z| on the line; |m_p - m_q| for equal covariances
    d^2 = u(m_p - m_q) - self energies, u the potential of N(0, S_p + S_q) in h = |x - y|

Jensen-Shannon has no closed form: it is summed up on the line. What has none for the distributions
given is a ValueError that names another way. Values are floats in nats or in units of the points.
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
_EQUAL = 1e-12  # relative to the deviations: covariances that differ by rounding
_REACH = 12.0  # standard deviations; beyond is 4e-33 of a distribution


@final
@dataclass(frozen=True)
class _Plane:
    """The plane that a distribution lies in: covariance = D A V A^T D, D the deviations.

    Taking the deviations out first leaves correlations, so that no unit of a coordinate makes its
    variance look like a rounded 0.

    Args:
        deviations: of the coordinates, > 0; 1 where the distribution has none.
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
        """How far rounding of the covariance turns the axes."""
        return _rounding(self.axes) * float(self.variances.reciprocal().sum())

    def coordinates(self, vectors: Float[Tensor, "d k"]) -> Float[Tensor, "r k"]:
        """Returns what the factor makes the vectors of, if they lie in the plane."""
        return (self.axes.T @ (vectors / self.deviations[:, None])) / self.variances.sqrt()[:, None]

    def holds(self, vectors: Float[Tensor, "d k"], slack: Float[Tensor, "d k"]) -> bool:
        """Returns whether the plane holds vectors that are off by up to a slack themselves."""
        scaled = vectors / self.deviations[:, None]
        onto = self.axes @ self.axes.T
        outside = (scaled - onto @ scaled).abs()
        turned = self.tilt * (onto.abs() @ scaled.abs())
        own = slack / self.deviations[:, None]
        return bool((outside <= turned + own + onto.abs() @ own).all())


def _plane(distribution: Normal) -> _Plane:
    variances = distribution.covariance.diagonal()
    there = variances > 0
    deviations = torch.where(there, variances, 1.0).sqrt()
    correlations = (
        distribution.covariance / deviations / deviations[:, None] * torch.outer(there, there)
    )
    shares, axes = torch.linalg.eigh(correlations)
    kept = shares > _rounding(axes) * shares[-1]
    return _Plane(deviations, axes[:, kept], shares[kept])


def _rounding(axes: Float[Tensor, "d r"]) -> float:
    return 10 * len(axes) * _EPS  # as `Normal` allows for


def kl(p: Normal, q: Normal) -> float:
    """Returns KL(p || q) >= 0, infinite where one distribution lies in a plane that the other does
    not.

    Two distributions in the same plane are compared there. On the line a distribution is a point if
    its variance is 0 and not before; in more dimensions correlations tell, up to rounding, whether
    it is flat.

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
        if not (other.holds(shift, slack) and other.holds(factor, plane.tilt * factor.abs())):
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
    """Returns half of int |p - q|, in [0, 1].

    Raises:
        ValueError: if the distributions have different dimensions, or covariances that differ or
            are singular in more than one dimension.
    """
    _check_dimensions(p, q)
    if p.dim == 1:
        return _total_variation_on_line(p, q)
    if not _equal_covariances(p, q) or not math.isfinite(kl(p, q)):
        raise ValueError(
            "`p` and `q` must have equal regular covariances in more than one dimension, where "
            "total variation has no closed form otherwise; use histograms of draws."
        )
    return float(math.erf(math.sqrt(kl(p, q)) / 2))  # D^2 = 2 KL; 2 Phi(D/2) - 1 = erf(D / sqrt 8)


def jensen_shannon(p: Normal, q: Normal) -> float:
    """Returns 1/2 KL(p || m) + 1/2 KL(q || m), in [0, log 2], by quadrature on the line.

    Raises:
        ValueError: if the distributions are not on the line.
    """
    return 0.5 * jensen_shannon_sum(p, q)


def jensen_shannon_sum(p: Normal, q: Normal) -> float:
    """Returns KL(p || m) + KL(q || m), in [0, 2 log 2]; errors are those of `jensen_shannon`."""
    _check_dimensions(p, q)
    if p.dim > 1:
        raise ValueError(
            f"`p` and `q` must be on the line, got dimension {p.dim}, where Jensen-Shannon has no "
            "closed form; use histograms of draws."
        )
    (m, s), (n, t) = _mean_and_deviation(p), _mean_and_deviation(q)
    if 0 in (s, t) or abs(m - n) > _REACH * (s + t):
        return 0.0 if (m, s) == (n, t) else 2 * math.log(2)
    if s < t:
        return jensen_shannon_sum(q, p)
    # in units and from the mean of the narrow distribution, where neither a far mean nor a scale
    # rounds
    shift, ratio = (m - n) / t, s / t
    wide = Normal(torch.tensor([shift], dtype=torch.float64, device="cpu"), ratio * ratio)
    narrow = Normal(torch.tensor([0.0], dtype=torch.float64, device="cpu"), 1.0)
    ends = {shift - _REACH * ratio, shift + _REACH * ratio, -_REACH, _REACH}
    return densities.jensen_shannon_sum(wide.log_density, narrow.log_density, tuple(sorted(ends)))


def wasserstein_1(p: Normal, q: Normal) -> float:
    """Returns the least mean distance of X ~ p and Y ~ q.

    Raises:
        ValueError: if the distributions have different dimensions, or different covariances in more
            than one.
    """
    _check_dimensions(p, q)
    if _equal_covariances(p, q):  # moving all mass the same way is best
        return float(torch.linalg.vector_norm(p.mean - q.mean))
    if p.dim > 1:
        raise ValueError(
            "`p` and `q` must have equal covariances in more than one dimension, where W1 has no "
            "closed form otherwise; use hawc.divergences.transport on draws."
        )
    (m, s), (n, t) = _mean_and_deviation(p), _mean_and_deviation(q)
    # X and Y as the same rising function of one Z: their difference is normal
    shift, spread = m - n, abs(s - t)
    density = math.exp(-0.5 * (shift / spread) ** 2) / math.sqrt(2 * math.pi)
    return 2 * spread * density + shift * math.erf(shift / (spread * math.sqrt(2)))


def squared_energy_distance(p: Normal, q: Normal) -> float:
    """Returns E |X - Y| - 1/2 E |X - X'| - 1/2 E |Y - Y'| >= 0 up to rounding.

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
    # in units and from the mean of the narrow distribution, as above; there the wide distribution's
    # mean is ratio u, and the logarithm of its density by the narrow one's is a x^2 + b x + c
    ratio, u = s / t, (m - n) / s
    a, b, c = 0.5 * (1 - 1 / ratio) * (1 + 1 / ratio), u / ratio, -0.5 * u * u - math.log(ratio)
    roots = _roots(a, b, c)
    below = [0.0, *(float(ndtr(x / ratio - u) - ndtr(x)) for x in roots), 0.0]
    return 0.5 * sum(abs(above - under) for under, above in itertools.pairwise(below))


def _roots(a: float, b: float, c: float) -> list[float]:
    """Returns the real zeros of a x^2 + b x + c in order, without cancellation."""
    if a == 0:
        return [-c / b] if b != 0 else []
    # not negative: two densities of equal mass cross
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
        raise ValueError(f"`p` and `q` must have one dimension, got {p.dim} and {q.dim}.")
