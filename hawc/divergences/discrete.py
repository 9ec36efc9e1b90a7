"""Divergences of two distributions on one finite support.

Distributions are weights (n,) >= 0 with total 1. A point of only one distribution has weight 0 in
the other. Values are in nats or in units of the support. They are scalar tensors, differentiable
where finite; only `wasserstein_1` is a float.

Every function raises the ValueError of `checked_distributions`. Those with a support also raise one
unless it has a finite point (d,) for each weight. See `hawc.divergences` for the formulas.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.distances import squared_distance
from hawc.divergences.checks import check_finite, checked_distributions
from hawc.divergences.transport import optimal_transport
from hawc.kernels import Energy
from hawc.points import ArrayLike, as_real

__all__ = [
    "jensen_shannon",
    "jensen_shannon_sum",
    "kl",
    "reverse_kl",
    "squared_energy_distance",
    "total_variation",
    "wasserstein_1",
]


def total_variation(
    p: Float[Tensor, " n"] | ArrayLike, q: Float[Tensor, " m"] | ArrayLike
) -> Float[Tensor, ""]:
    """Returns 1/2 sum_i |p_i - q_i|, in [0, 1]."""
    p, q = checked_distributions(p, q)
    return 0.5 * (p - q).abs().sum()


def kl(p: Float[Tensor, " n"] | ArrayLike, q: Float[Tensor, " m"] | ArrayLike) -> Float[Tensor, ""]:
    """Returns sum_i p_i log(p_i / q_i) >= 0, infinite where p has mass and q none."""
    p, q = checked_distributions(p, q)
    return _relative_entropy(p, q)


def reverse_kl(
    p: Float[Tensor, " n"] | ArrayLike, q: Float[Tensor, " m"] | ArrayLike
) -> Float[Tensor, ""]:
    """Returns KL(q || p) >= 0, infinite where q has mass and p none."""
    return kl(q, p)


def jensen_shannon(
    p: Float[Tensor, " n"] | ArrayLike, q: Float[Tensor, " m"] | ArrayLike
) -> Float[Tensor, ""]:
    """Returns 1/2 KL(p || m) + 1/2 KL(q || m) with m = (p + q) / 2, in [0, log 2]."""
    return 0.5 * jensen_shannon_sum(p, q)


def jensen_shannon_sum(
    p: Float[Tensor, " n"] | ArrayLike, q: Float[Tensor, " m"] | ArrayLike
) -> Float[Tensor, ""]:
    """Returns KL(p || m) + KL(q || m) without halves, in [0, 2 log 2]."""
    p, q = checked_distributions(p, q)
    middle = 0.5 * (p + q)
    return _relative_entropy(p, middle) + _relative_entropy(q, middle)


def wasserstein_1(
    support: Float[Tensor, "k d"] | ArrayLike,
    p: Float[Tensor, " n"] | ArrayLike,
    q: Float[Tensor, " m"] | ArrayLike,
) -> float:
    """Returns the cost of optimal transport from p to q, in units of the support."""
    p, q = checked_distributions(p, q)
    support = _checked_support(support, p)
    return optimal_transport(support, support, p, q).cost


def squared_energy_distance(
    support: Float[Tensor, "k d"] | ArrayLike,
    p: Float[Tensor, " n"] | ArrayLike,
    q: Float[Tensor, " m"] | ArrayLike,
) -> Float[Tensor, ""]:
    """Returns sum_ij |s_i - s_j| (p_i q_j - p_i p_j / 2 - q_i q_j / 2) >= 0.

    Rounding may make it negative.
    """
    p, q = checked_distributions(p, q)
    support = _checked_support(support, p)
    return squared_distance(Energy(), support, support, p, q)


def _checked_support(
    support: Float[Tensor, "n d"] | ArrayLike, p: Float[Tensor, " m"]
) -> Float[Tensor, "n d"]:
    support = as_real("support", support)
    if support.ndim != 2 or len(support) != len(p):
        raise ValueError(
            "`support` must have shape (n, d), a point for each of the n weights of `p` and `q`, "
            f"got shape {tuple(support.shape)} for {len(p)} weights."
        )
    check_finite("support", support)
    return support


def _relative_entropy(p: Float[Tensor, " n"], q: Float[Tensor, " n"]) -> Float[Tensor, ""]:
    positive = p > 0  # elsewhere p log p is 0, but computed as 0 times infinity
    p, q = p[positive], q[positive]
    return torch.sum(p * (p.log() - q.log()))
