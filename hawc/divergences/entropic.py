"""Optimal transport smoothed by an entropy, for sets too large for exact plans.

    min  sum_ij P_ij |x_i - y_j| + e KL(P || p q^T)   over P >= 0 with marginals p and q

by Sinkhorn's iteration in the package POT. The plan is spread out, so its cost is above W1. For
distributions of total 1 that is at most by e log(min(n, m)): KL(P || p q^T) is the mutual
information of both ends of a move, which is at most the entropy of p and that of q.

Source: Cuturi 2013, "Sinkhorn distances", NeurIPS 26, arXiv 1306.0895; Flamary et al. 2021, "POT:
Python Optimal Transport", JMLR 22(78).
"""

import importlib
import warnings
from dataclasses import dataclass
from typing import Any, final

from jaxtyping import Float
from torch import Tensor

from hawc.arguments import whole_number
from hawc.distances import checked_weighted_sets
from hawc.divergences.checks import balanced
from hawc.divergences.transport import distance_costs
from hawc.points import ArrayLike

__all__ = ["EntropicTransport", "entropic_transport"]

_SMOOTHING = 0.05  # of the mean distance


@final
@dataclass(frozen=True)
class EntropicTransport:
    """A plan whose marginals are those asked for up to `error`, in float64.

    Args:
        plan: mass that goes from point i of the first set to point j of the second, >= 0.
        cost: sum_ij P_ij |x_i - y_j|, without the entropy.
        error: how far the marginals are off, in the sum of absolute differences.
    """

    plan: Float[Tensor, "n m"]
    cost: float
    error: float


def entropic_transport(
    x: Float[Tensor, "n d"] | ArrayLike,
    y: Float[Tensor, "m d"] | ArrayLike,
    x_weights: Float[Tensor, " n"] | ArrayLike | None = None,
    y_weights: Float[Tensor, " m"] | ArrayLike | None = None,
    *,
    smoothing: float | None = None,
    iterations: int = 1000,
    tolerance: float = 1e-6,
) -> EntropicTransport:
    """Returns a plan that is cheap up to `smoothing`, by Sinkhorn's iteration on logarithms.

    Args:
        x: points.
        y: points of the same dimension.
        x_weights: >= 0; uniform with total 1 if None.
        y_weights: >= 0 with the same total; uniform with total 1 if None.
        smoothing: e in units of the points, > 0; small ones take many iterations. A twentieth of
            the mean distance between both sets if None.
        iterations: at most that many, at least 1.
        tolerance: of the marginals, as a share of the total mass, at which it stops.

    Raises:
        ValueError: if `smoothing` or `iterations` is not positive, or as `optimal_transport` says
            of points and weights.
        ImportError: if the package POT is not installed.
    """
    iterations = whole_number("iterations", iterations, 1)
    if smoothing is not None and not smoothing > 0:
        raise ValueError(
            f"`smoothing` must be > 0, got {smoothing}; `optimal_transport` has no smoothing."
        )
    x, y, p, q = checked_weighted_sets(x, y, x_weights, y_weights)
    p, q = balanced(p.detach().cpu(), q.detach().cpu(), ("x_weights", "y_weights"))
    costs = distance_costs(x.detach(), y.detach()).cpu()
    total = p.sum()
    if smoothing is None:
        smoothing = _SMOOTHING * float(p @ costs @ q / total**2) or 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of iterations that did not do; `error` says it
        plan: Tensor = _pot().sinkhorn(
            p / total,
            q / total,
            costs,
            smoothing,
            method="sinkhorn_log",
            numItermax=iterations,
            stopThr=tolerance,
        )
    plan = total * plan
    error = (plan.sum(1) - p).abs().sum() + (plan.sum(0) - q).abs().sum()
    return EntropicTransport(plan, float((plan * costs).sum()), float(error))


def _pot() -> Any:
    try:
        return importlib.import_module("ot")
    except ImportError as error:
        raise ImportError(
            "`entropic_transport` needs the package POT, which is not installed; install it with: "
            "pip install pot."
        ) from error
