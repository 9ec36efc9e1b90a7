"""Exact distances of samples on the line, by sorting in O(n log n).

With F and G the distribution functions of both weighted samples,

    W1 = int |F - G|,     d^2 = int (F - G)^2.

Total variation, KL and Jensen-Shannon of two samples without ties are at their bounds for any two
distributions, so densities must be estimated. `histograms` returns two distributions on bins for
`hawc.divergences.discrete`. Divergences on bins are smaller than those of the distributions, except
for noise.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.distances import checked_weighted_sets
from hawc.divergences.checks import balanced, check_finite
from hawc.points import ArrayLike, as_real, promoted

__all__ = ["histograms", "squared_energy_distance", "wasserstein_1"]


def wasserstein_1(
    x: Float[Tensor, " n"] | ArrayLike,
    y: Float[Tensor, " m"] | ArrayLike,
    x_weights: Float[Tensor, " n"] | ArrayLike | None = None,
    y_weights: Float[Tensor, " m"] | ArrayLike | None = None,
) -> Float[Tensor, ""]:
    """Returns int |F - G| >= 0, in units of the points, differentiable in them.

    Args:
        x: samples of one distribution, or points.
        y: samples of the other.
        x_weights: >= 0; uniform with total 1 if None.
        y_weights: >= 0 with the same total; uniform with total 1 if None.

    Raises:
        ValueError: if a sample is empty, a point not finite, or weights are negative, do not fit,
            have total 0 or differ in total.
    """
    gaps, difference = _distribution_functions(x, y, x_weights, y_weights)
    return (gaps * difference.abs()).sum()


def squared_energy_distance(
    x: Float[Tensor, " n"] | ArrayLike,
    y: Float[Tensor, " m"] | ArrayLike,
    x_weights: Float[Tensor, " n"] | ArrayLike | None = None,
    y_weights: Float[Tensor, " m"] | ArrayLike | None = None,
) -> Float[Tensor, ""]:
    """Returns int (F - G)^2 >= 0, the squared distance for h = |x - y| on the line.

    Arguments and errors are those of `wasserstein_1`.
    """
    gaps, difference = _distribution_functions(x, y, x_weights, y_weights)
    return (gaps * difference.square()).sum()


def histograms(
    x: Float[Tensor, " n"] | ArrayLike,
    y: Float[Tensor, " m"] | ArrayLike,
    edges: Float[Tensor, " k"] | ArrayLike,
) -> tuple[Float[Tensor, " l"], Float[Tensor, " l"]]:
    """Returns the histograms of both samples on the same bins, with total 1.

    Args:
        x: samples of one distribution.
        y: samples of the other.
        edges: increasing; bins are [edge_i, edge_(i+1)).

    Returns:
        Two distributions on k + 1 bins, with one below the first and one above the last edge.

    Raises:
        ValueError: if a sample is empty, a point not finite or `edges` do not increase.
    """
    x, y, edges = promoted(_samples("x", x), _samples("y", y), as_real("edges", edges))
    check_finite("x", x)
    check_finite("y", y)
    if len(edges) < 1 or not bool((edges.diff() > 0).all()):
        raise ValueError(f"`edges` must increase, at least one, got {edges.tolist()[:5]}...")
    shares = []
    for samples in (x, y):
        bins = torch.bucketize(samples.detach(), edges, right=True)
        counts = torch.bincount(bins, minlength=len(edges) + 1)
        shares.append(counts.double() / len(samples))
    return shares[0], shares[1]


def _distribution_functions(
    x: ArrayLike, y: ArrayLike, x_weights: ArrayLike | None, y_weights: ArrayLike | None
) -> tuple[Float[Tensor, " k"], Float[Tensor, " k"]]:
    """Returns the gaps between all sorted points, and F - G within each gap."""
    x, y, p, q = checked_weighted_sets(
        _samples("x", x)[:, None], _samples("y", y)[:, None], x_weights, y_weights
    )
    check_finite("x", x)
    check_finite("y", y)
    p, q = balanced(p, q, ("x_weights", "y_weights"))
    points, order = torch.cat([x, y])[:, 0].sort()
    steps = torch.cat([p, -q])[order]  # in float64: differences of long cumulative sums
    return points.diff(), steps.cumsum(0)[:-1].to(points.dtype)


def _samples(name: str, value: Float[Tensor, " n"] | ArrayLike) -> Float[Tensor, " n"]:
    samples = as_real(name, value)
    if samples.ndim != 1 or len(samples) == 0:
        raise ValueError(
            f"`{name}` must be numbers (n,) on the line, n >= 1, got shape {tuple(samples.shape)}."
        )
    return samples
