"""The optimal discriminator between two known densities, and its value.

For as many real points of density p as generated points of density q, the value

    V(D) = E_p log D + E_q log(1 - D)

is largest for D* = p / (p + q), whose logit is log p - log q. Its value is

    V(D*) = -log 4 + 2 JS(p, q),

with the halves in JS (`jensen_shannon`): -log 4 for equal distributions, 0 for distributions with
disjoint supports.

Source: Goodfellow et al. 2014, "Generative adversarial nets", arXiv 1406.2661, proposition 1 and
theorem 1.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import logsigmoid

from hawc.divergences.densities import Interval, LogDensity, jensen_shannon_sum, on_nodes
from hawc.points import ArrayLike, as_points

__all__ = ["optimal_logit", "optimal_value", "value"]


def optimal_logit(
    p: LogDensity, q: LogDensity, points: Float[Tensor, "n d"] | ArrayLike
) -> Float[Tensor, " n"]:
    """Returns the logit log p - log q of D*; NaN where neither distribution has mass."""
    points = as_points("points", points)
    return p(points) - q(points)


def optimal_value(p: LogDensity, q: LogDensity, interval: Interval) -> float:
    """Returns V(D*) = -log 4 + 2 JS(p, q) on the line, in [-log 4, 0].

    Raises:
        ValueError: if the interval does not contain both distributions.
    """
    return jensen_shannon_sum(p, q, interval) - math.log(4)


def value(logit: LogDensity, p: LogDensity, q: LogDensity, interval: Interval) -> float:
    """Returns V(D) <= V(D*) of any discriminator on the line, by quadrature.

    Args:
        logit: of D, from points (n, 1) to (n,).
        p: log density of real points.
        q: log density of generated points.
        interval: contains both distributions.

    Raises:
        ValueError: if the interval does not contain both distributions.
    """
    nodes = on_nodes(p, q, interval)
    with torch.no_grad():
        logits = logit(nodes.points[:, None]).double()
    return nodes.mean_under_p(logsigmoid(logits)) + nodes.mean_under_q(logsigmoid(-logits))
