"""Optimal transport smoothed by an entropy, for sets too large for exact plans.

    min  sum_ij P_ij |x_i - y_j| + e KL(P || p q^T)   over P >= 0 with marginals p and q

by Sinkhorn's iteration in the package POT. The plan is spread out, so its cost is above W1, by at
most e log(min(n, m)): the entropy of a plan.

Source: Cuturi 2013, "Sinkhorn distances", NeurIPS 26, arXiv 1306.0895; Flamary et al. 2021, "POT:
Python Optimal Transport", JMLR 22(78).
"""

import importlib
import warnings
from dataclasses import dataclass
from typing import Any, final

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.distances import checked_weighted_sets
from hawc.divergences.checks import balanced

__all__ = ["EntropicTransport", "entropic_transport"]


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
    x: Float[Tensor, "n d"],
    y: Float[Tensor, "m d"],
    x_weights: Float[Tensor, " n"] | None = None,
    y_weights: Float[Tensor, " m"] | None = None,
    *,
    smoothing: float = 0.05,
    iterations: int = 1000,
    tolerance: float = 1e-6,
) -> EntropicTransport:
    """Returns a plan that is cheap up to `smoothing`, by Sinkhorn's iteration on logarithms.

    Args:
        x: points.
        y: points of the same dimension.
        x_weights: >= 0; uniform with total 1 if None.
        y_weights: >= 0 with the same total; uniform with total 1 if None.
        smoothing: e in units of the points, > 0; small ones take many iterations.
        iterations: at most that many, at least 1.
        tolerance: of the marginals, at which it stops.

    Raises:
        ValueError: if `smoothing` or `iterations` is not positive, or as `optimal_transport` says
            of points and weights.
        ImportError: if the package POT is not installed.
    """
    if not smoothing > 0 or iterations < 1:
        raise ValueError(
            f"`smoothing` must be > 0 and `iterations` at least 1, got {smoothing} and {iterations}"
            "; `optimal_transport` has no smoothing."
        )
    x, y, p, q = checked_weighted_sets(x.detach(), y.detach(), x_weights, y_weights)
    p, q = balanced(p, q, ("x_weights", "y_weights"))
    costs = torch.cdist(x.double(), y.double()).cpu()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of iterations that did not do; `error` says it
        plan: Tensor = _pot().sinkhorn(
            *(p, q, costs, smoothing),
            method="sinkhorn_log",
            numItermax=iterations,
            stopThr=tolerance,
        )
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
