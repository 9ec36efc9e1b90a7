"""Distances of samples on the line, by sorting: O(n log n), exact for the samples.

With F and G the distribution functions of both weighted samples,

    W1 = int |F - G|,     d^2 = int (F - G)^2.

Total variation, KL and Jensen-Shannon of two samples without ties are at their bounds whatever the
distributions, so densities must be estimated: `histograms` gives two distributions for
`hawc.divergences.discrete`, which then are those of the distributions rounded to bins, smaller than
the distributions' own but for the noise.
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
    """Returns int (F - G)^2 >= 0, which `hawc.distances.squared_distance` is for h = |x - y| on the
    line.

    Arguments and errors are those of `wasserstein_1`.
    """
    gaps, difference = _distribution_functions(x, y, x_weights, y_weights)
    return (gaps * difference.square()).sum()


def histograms(
    x: Float[Tensor, " n"] | ArrayLike,
    y: Float[Tensor, " m"] | ArrayLike,
    edges: Float[Tensor, " k"] | ArrayLike,
) -> tuple[Float[Tensor, " l"], Float[Tensor, " l"]]:
    """Returns the shares of both samples in the same bins, and beyond the first and last edge.

    Args:
        x: samples of one distribution.
        y: samples of the other.
        edges: rising; bins are [edge_i, edge_(i+1)).

    Returns:
        Two distributions on k + 1 bins, those beyond the edges included, so that both have total 1.

    Raises:
        ValueError: if a sample is empty, a draw not finite or `edges` do not rise.
    """
    x, y, edges = promoted(_draws("x", x), _draws("y", y), as_real("edges", edges))
    check_finite("x", x)
    check_finite("y", y)
    if len(edges) < 1 or not bool((edges.diff() > 0).all()):
        raise ValueError(f"`edges` must rise, at least one of them, got {edges.tolist()[:5]}...")
    shares = []
    for draws in (x, y):
        bins = torch.bucketize(draws.detach(), edges, right=True)
        counts = torch.bincount(bins, minlength=len(edges) + 1)
        shares.append(counts.double() / len(draws))
    return shares[0], shares[1]


def _distribution_functions(
    x: ArrayLike, y: ArrayLike, x_weights: ArrayLike | None, y_weights: ArrayLike | None
) -> tuple[Float[Tensor, " k"], Float[Tensor, " k"]]:
    """Returns the gaps between all points in their order, and F - G within each."""
    x, y, p, q = checked_weighted_sets(
        _draws("x", x)[:, None], _draws("y", y)[:, None], x_weights, y_weights
    )
    check_finite("x", x)
    check_finite("y", y)
    p, q = balanced(p, q, ("x_weights", "y_weights"))
    points, order = torch.cat([x, y])[:, 0].sort()
    steps = torch.cat([p, -q])[order]  # in float64: differences of long cumulative sums
    return points.diff(), steps.cumsum(0)[:-1].to(points.dtype)


def _draws(name: str, value: Float[Tensor, " n"] | ArrayLike) -> Float[Tensor, " n"]:
    draws = as_real(name, value)
    if draws.ndim != 1 or len(draws) == 0:
        raise ValueError(
            f"`{name}` must be numbers (n,) on the line, n >= 1, got shape {tuple(draws.shape)}."
        )
    return draws
