"""Divergences of two normal laws, in closed form where there is one.

    KL(p || q) = 1/2 (tr S_q^-1 S_p + (m_q - m_p)' S_q^-1 (m_q - m_p) - d + log det S_q / det S_p)
    TV = 2 Phi(D / 2) - 1 for equal covariances, D^2 = (m_q - m_p)' S^-1 (m_q - m_p); on the line
         from the two points where the densities cross
    W1 = E |m_p - m_q + (s_p - s_q) Z| on the line; |m_p - m_q| for equal covariances
    d^2 = u(m_p - m_q) - self energies, u the potential of N(0, S_p + S_q) in h = |x - y|

Jensen-Shannon has no closed form: it is summed up on the line. What has none for the laws given is
a ValueError that names another way. Values are floats in nats or in units of the points.
"""

import itertools
import math

import torch
from scipy.special import ndtr

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

_SINGULAR = 1e-12  # of the largest variance: what is below it is a rounded 0
_REACH = 12.0  # standard deviations; beyond is 4e-33 of a law


def kl(p: Normal, q: Normal) -> float:
    """Returns KL(p || q) >= 0, infinite where one law lies in a plane that the other does not.

    Two laws in the same plane are compared there.

    Raises:
        ValueError: if the laws have different dimensions.
    """
    _check_dimensions(p, q)
    variances, axes = torch.linalg.eigh(q.covariance)
    scale = float(torch.cat([q.covariance, p.covariance]).abs().max())
    there = variances > _SINGULAR * scale
    shift, spread = axes.T @ (q.mean - p.mean), axes.T @ p.covariance @ axes
    outside = float(spread[~there][:, ~there].abs().sum() + shift[~there].square().sum())
    if outside > _SINGULAR * max(1.0, scale):
        return math.inf
    variances, shift, spread = variances[there], shift[there], spread[there][:, there]
    ratio = spread / (variances[:, None] * variances).sqrt()  # S_q^-1/2 S_p S_q^-1/2
    own = torch.linalg.eigvalsh(ratio)
    if bool((own <= _SINGULAR).any()):
        return math.inf
    distance = (shift.square() / variances).sum()
    return max(0.0, 0.5 * float((own - 1 - own.log()).sum() + distance))


def reverse_kl(p: Normal, q: Normal) -> float:
    """Returns KL(q || p)."""
    return kl(q, p)


def total_variation(p: Normal, q: Normal) -> float:
    """Returns half of int |p - q|, in [0, 1].

    Raises:
        ValueError: if the laws have different dimensions, or covariances that differ or are
            singular in more than one dimension.
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
        ValueError: if the laws are not on the line, or one is a point.
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
    ends = (min(m - _REACH * s, n - _REACH * t), max(m + _REACH * s, n + _REACH * t))
    return densities.jensen_shannon_sum(p.log_density, q.log_density, ends)


def wasserstein_1(p: Normal, q: Normal) -> float:
    """Returns the least mean distance of X ~ p and Y ~ q.

    Raises:
        ValueError: if the laws have different dimensions, or different covariances in more than
            one.
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
        ValueError: if the laws have different dimensions.
    """
    _check_dimensions(p, q)
    difference = Normal(torch.zeros_like(p.mean), p.covariance + q.covariance)
    between = float(difference.potential(Energy())((p.mean - q.mean)[None]))
    return between - p.self_energy(Energy()) - q.self_energy(Energy())


def _total_variation_on_line(p: Normal, q: Normal) -> float:
    (m, s), (n, t) = _mean_and_deviation(p), _mean_and_deviation(q)
    if s == t == 0 or min(s, t) == 0:
        return float((m, s) != (n, t))
    # log p - log q = a x^2 + b x + c
    a = 0.5 / t**2 - 0.5 / s**2
    b = m / s**2 - n / t**2
    c = 0.5 * (n / t) ** 2 - 0.5 * (m / s) ** 2 + math.log(t / s)
    roots = _roots(a, b, c)
    below = [0.0, *(float(ndtr((x - m) / s) - ndtr((x - n) / t)) for x in roots), 0.0]
    return 0.5 * sum(abs(above - under) for under, above in itertools.pairwise(below))


def _roots(a: float, b: float, c: float) -> list[float]:
    """Returns the real zeros of a x^2 + b x + c in order, without cancellation."""
    if a == 0:
        return [-c / b] if b != 0 else []
    # not negative: two densities of equal mass cross
    half = -0.5 * (b + math.copysign(math.sqrt(max(0.0, b * b - 4 * a * c)), b))
    return sorted([half / a, c / half]) if half != 0 else [0.0]


def _mean_and_deviation(law: Normal) -> tuple[float, float]:
    return float(law.mean), math.sqrt(max(0.0, float(law.covariance)))


def _equal_covariances(p: Normal, q: Normal) -> bool:
    scale = float(p.covariance.abs().max())
    return torch.allclose(p.covariance, q.covariance, rtol=0, atol=_SINGULAR * scale)


def _check_dimensions(p: Normal, q: Normal) -> None:
    if p.dim != q.dim:
        raise ValueError(f"`p` and `q` must have one dimension, got {p.dim} and {q.dim}.")
