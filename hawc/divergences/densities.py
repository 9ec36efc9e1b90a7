"""Divergences of two distributions on the line given by log densities, by quadrature.

Densities are functions from points (n, 1) to log densities (n,), minus infinity where there is no
mass, as `log_density` of `hawc.targets.Normal` and `hawc.targets.GaussianMixture`. Sums go over
four Gauss-Legendre nodes in each of 20,000 cells of an interval that must hold both distributions:
smooth densities are summed to rounding, the kinks of |p - q| to about 1e-8. An interval may name
points between its ends, and then has 20,000 cells from each to the next: for distributions of very
different width, with the narrow one's ends. See `hawc.divergences` for the formulas.
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

Interval = tuple[float, ...]  # rising, at least both ends

_CELLS, _NODES = 20_000, 4
_LOST = 1e-6  # mass that an interval may leave out


@final
@dataclass(frozen=True)
class Nodes:
    """Two distributions on the nodes of a quadrature, in float64.

    Args:
        points: nodes, rising.
        weights: of the quadrature, > 0.
        log_p: log density of one distribution at the nodes.
        log_q: that of the other.
    """

    points: Float[Tensor, " n"]
    weights: Float[Tensor, " n"]
    log_p: Float[Tensor, " n"]
    log_q: Float[Tensor, " n"]

    def mean_under_p(self, values: Float[Tensor, " n"]) -> float:
        """Returns the integral of p times a function given at the nodes, 0 where p is 0."""
        return _weighted_sum(self.weights * self.log_p.exp(), values)

    def mean_under_q(self, values: Float[Tensor, " n"]) -> float:
        """Returns the integral of q times a function given at the nodes, 0 where q is 0."""
        return _weighted_sum(self.weights * self.log_q.exp(), values)


def on_nodes(p: LogDensity, q: LogDensity, interval: Interval) -> Nodes:
    """Returns both distributions at the nodes of the quadrature.

    Raises:
        ValueError: if the interval is empty or leaves out more than 1e-6 of a distribution.
    """
    if len(interval) < 2 or not all(
        -math.inf < low < high < math.inf for low, high in itertools.pairwise(interval)
    ):
        raise ValueError(
            "`interval` must be (low, high), finite and low < high, or rising points from low to "
            f"high, got {interval}."
        )
    ends = torch.tensor(interval, dtype=torch.float64, device="cpu")
    half = (ends.diff() / (2 * _CELLS))[:, None]
    steps = 2 * torch.arange(_CELLS, dtype=torch.float64, device="cpu") + 1
    centers = ends[:-1, None] + half * steps
    inner, inner_weights = (torch.from_numpy(of) for of in np.polynomial.legendre.leggauss(_NODES))
    points = (centers[..., None] + half[..., None] * inner).ravel()
    weights = (half * inner_weights.repeat(_CELLS)).ravel()
    nodes = Nodes(points, weights, p(points[:, None]).double(), q(points[:, None]).double())
    for name, log_density in (("p", nodes.log_p), ("q", nodes.log_q)):
        mass = float(weights @ log_density.exp())
        if not abs(mass - 1) <= _LOST:
            raise ValueError(
                f"`interval` must hold all mass of `{name}`, a density, got {mass:.6g} of it in "
                f"{interval}; widen it, or divide the density by its integral."
            )
    return nodes


def total_variation(p: LogDensity, q: LogDensity, interval: Interval) -> float:
    """Returns half of int |p - q|, in [0, 1]; errors are those of `on_nodes`."""
    nodes = on_nodes(p, q, interval)
    return 0.5 * float(nodes.weights @ (nodes.log_p.exp() - nodes.log_q.exp()).abs())


def kl(p: LogDensity, q: LogDensity, interval: Interval) -> float:
    """Returns int p log(p / q) >= 0, infinite where p has mass and q none.

    Log densities are compared, so a q that is too small for a number counts all the same; points
    where p itself rounds to 0 are left out. Errors are those of `on_nodes`.
    """
    nodes = on_nodes(p, q, interval)
    return nodes.mean_under_p(nodes.log_p - nodes.log_q)


def reverse_kl(p: LogDensity, q: LogDensity, interval: Interval) -> float:
    """Returns KL(q || p)."""
    return kl(q, p, interval)


def jensen_shannon(p: LogDensity, q: LogDensity, interval: Interval) -> float:
    """Returns 1/2 KL(p || m) + 1/2 KL(q || m), m the mean of both, in [0, log 2]."""
    return 0.5 * jensen_shannon_sum(p, q, interval)


def jensen_shannon_sum(p: LogDensity, q: LogDensity, interval: Interval) -> float:
    """Returns KL(p || m) + KL(q || m) without halves, in [0, 2 log 2]."""
    nodes = on_nodes(p, q, interval)
    middle = torch.logaddexp(nodes.log_p, nodes.log_q) - math.log(2)
    return nodes.mean_under_p(nodes.log_p - middle) + nodes.mean_under_q(nodes.log_q - middle)


def _weighted_sum(weights: Tensor, values: Tensor) -> float:
    there = weights > 0  # elsewhere 0 times infinity is meant to be 0
    return float(weights[there] @ values[there])
