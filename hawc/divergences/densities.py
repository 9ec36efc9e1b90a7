"""Divergences of two log densities on the line, by quadrature.

Densities are functions from points (n, 1) to log densities (n,), minus infinity without mass, such
as `log_density` of `hawc.targets.Normal` and `hawc.targets.GaussianMixture`.

The quadrature has four Gauss-Legendre nodes in each of 20,000 cells of an interval, which must
contain both distributions. The error is that of rounding for smooth densities, and about 1e-8 for
the kinks of |p - q|. An interval may have inner points, with 20,000 cells from each to the next.
Use the ends of the narrow distribution if the widths are very different.

See `hawc.divergences` for the formulas.
"""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

__all__ = [
    "Interval",
    "LogDensity",
    "Nodes",
    "jensen_shannon",
    "jensen_shannon_sum",
    "kl",
    "on_nodes",
    "reverse_kl",
    "total_variation",
]

LogDensity = Callable[[Float[Tensor, "n 1"]], Float[Tensor, " n"]]

Interval = tuple[float, ...]  # increasing, at least both ends

_CELLS, _NODES = 20_000, 4
_MAX_MISSING = 1e-6  # mass outside of the interval


@final
@dataclass(frozen=True)
class Nodes:
    """Two distributions at the nodes of a quadrature, in float64.

    Args:
        points: nodes, increasing.
        weights: of the quadrature, > 0.
        log_p: log density of p at the nodes.
        log_q: log density of q at the nodes.
    """

    points: Float[Tensor, " n"]
    weights: Float[Tensor, " n"]
    log_p: Float[Tensor, " n"]
    log_q: Float[Tensor, " n"]

    def mean_under_p(self, values: Float[Tensor, " n"]) -> float:
        """Returns the integral of p times `values`, with 0 where p is 0."""
        return _weighted_sum(self.weights * self.log_p.exp(), values)

    def mean_under_q(self, values: Float[Tensor, " n"]) -> float:
        """Returns the integral of q times `values`, with 0 where q is 0."""
        return _weighted_sum(self.weights * self.log_q.exp(), values)


def on_nodes(p: LogDensity, q: LogDensity, interval: Interval) -> Nodes:
    """Returns both distributions at the nodes of the quadrature.

    Raises:
        ValueError: if the interval is empty or misses more than 1e-6 of a distribution.
    """
    if len(interval) < 2 or not all(
        -math.inf < low < high < math.inf for low, high in itertools.pairwise(interval)
    ):
        raise ValueError(
            "`interval` must be (low, high), finite and low < high, or increasing points from low "
            f"to high, got {interval}."
        )
    ends = torch.tensor(interval, dtype=torch.float64, device="cpu")
    half = (ends.diff() / (2 * _CELLS))[:, None]
    steps = 2 * torch.arange(_CELLS, dtype=torch.float64, device="cpu") + 1
    centers = ends[:-1, None] + half * steps
    inner, inner_weights = map(torch.from_numpy, np.polynomial.legendre.leggauss(_NODES))
    points = (centers[..., None] + half[..., None] * inner).ravel()
    weights = (half * inner_weights.repeat(_CELLS)).ravel()
    nodes = Nodes(points, weights, p(points[:, None]).double(), q(points[:, None]).double())
    for name, log_density in (("p", nodes.log_p), ("q", nodes.log_q)):
        mass = float(weights @ log_density.exp())
        if not abs(mass - 1) <= _MAX_MISSING:
            raise ValueError(
                f"`interval` must contain all mass of `{name}`, got {mass:.6g} in {interval}; "
                "widen the interval, or divide the density by its integral."
            )
    return nodes


def total_variation(p: LogDensity, q: LogDensity, interval: Interval) -> float:
    """Returns 1/2 int |p - q|, in [0, 1]; raises the errors of `on_nodes`."""
    nodes = on_nodes(p, q, interval)
    return 0.5 * float(nodes.weights @ (nodes.log_p.exp() - nodes.log_q.exp()).abs())


def kl(p: LogDensity, q: LogDensity, interval: Interval) -> float:
    """Returns int p log(p / q) >= 0, infinite where p has mass and q none.

    Log densities are compared, so a density q below the smallest number counts. Points where p
    itself rounds to 0 are ignored. Errors are those of `on_nodes`.
    """
    nodes = on_nodes(p, q, interval)
    return nodes.mean_under_p(nodes.log_p - nodes.log_q)


def reverse_kl(p: LogDensity, q: LogDensity, interval: Interval) -> float:
    """Returns KL(q || p)."""
    return kl(q, p, interval)


def jensen_shannon(p: LogDensity, q: LogDensity, interval: Interval) -> float:
    """Returns 1/2 KL(p || m) + 1/2 KL(q || m) with m = (p + q) / 2, in [0, log 2]."""
    return 0.5 * jensen_shannon_sum(p, q, interval)


def jensen_shannon_sum(p: LogDensity, q: LogDensity, interval: Interval) -> float:
    """Returns KL(p || m) + KL(q || m) without halves, in [0, 2 log 2]."""
    nodes = on_nodes(p, q, interval)
    middle = torch.logaddexp(nodes.log_p, nodes.log_q) - math.log(2)
    return nodes.mean_under_p(nodes.log_p - middle) + nodes.mean_under_q(nodes.log_q - middle)


def _weighted_sum(weights: Tensor, values: Tensor) -> float:
    positive = weights > 0  # elsewhere 0 times infinity counts as 0
    return float(weights[positive] @ values[positive])
