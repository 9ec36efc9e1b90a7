"""Optimal transport with entropic smoothing, for sets too large for exact plans.

    min  sum_ij P_ij |x_i - y_j| + e KL(P || p q^T)   over P >= 0 with marginals p and q

by Sinkhorn's iteration in the package POT. The smoothed plan costs more than W1, for distributions
of total 1 by at most e log(min(n, m)): KL(P || p q^T) is a mutual information, and so at most the
entropies of p and of q.

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

_SMOOTHING = 0.05  # relative to the mean distance


@final
@dataclass(frozen=True)
class EntropicTransport:
    """A transport plan with marginals p and q up to `error`, in float64.

    Args:
        plan: mass from point i of the first set to point j of the second, >= 0.
        cost: sum_ij P_ij |x_i - y_j|, without the entropy.
        error: sum of absolute differences between the plan's marginals and p, q.
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
    """Returns a smoothed transport plan, by Sinkhorn's iteration in the log domain.

    Args:
        x: points.
        y: points of the same dimension.
        x_weights: >= 0; uniform with total 1 if None.
        y_weights: >= 0 with the same total; uniform with total 1 if None.
        smoothing: e in units of the points, > 0; small values take many iterations. None is 5 % of
            the mean distance between both sets.
        iterations: maximum number, at least 1.
        tolerance: error of the marginals, relative to the total mass, at which the iteration stops.

    Raises:
        ValueError: if `smoothing` or `iterations` is not positive, or points or weights are
            refused by `optimal_transport`.
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
        warnings.simplefilter("ignore")  # about too few iterations, which `error` shows
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
