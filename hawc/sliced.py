"""The squared energy distance by random directions, O((n + m) log(n + m)) each.

For a direction theta, uniform on the sphere of R^k, E |theta . v| = c_k |v| with
c_k = Gamma(k/2) / (sqrt(pi) Gamma((k+1)/2)). So d^2 in h = |x - y| is 1 / c_k times the mean
over directions of the d^2 between the projected points. On a line

    d^2 = int (F - G)^2 = sum_i w_i z_i (sum_j w_j sign(z_j - z_i)).

F and G are the distribution functions, and z the points of both sets. The w are the weights of the
first set, and minus those of the second. Sorting gives all sums over j at once. These sums do not
change when the points move a little, so they are also the gradient.

Source: J. Hertrich, C. Wald, F. Altekrueger, P. Hagemann 2024, "Generative sliced MMD flows with
Riesz kernels", ICLR 2024, arXiv 2305.11463.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize, pad

from hawc.arguments import checked_generator, whole_number
from hawc.blocks import row_blocks
from hawc.distances import checked_weighted_sets
from hawc.points import ArrayLike
from hawc.precision import without_autocast

__all__ = ["sliced_squared_distance"]

_COPIES = 10  # arrays of one number per point that a slice holds in memory at once


def sliced_squared_distance(
    x: Float[Tensor, "n d"] | ArrayLike,
    y: Float[Tensor, "m d"] | ArrayLike,
    *,
    num_slices: int,
    generator: torch.Generator,
    x_weights: Float[Tensor, " n"] | ArrayLike | None = None,
    y_weights: Float[Tensor, " m"] | ArrayLike | None = None,
) -> Float[Tensor, ""]:
    """Returns an unbiased estimate of d^2 in h = |x - y|, by random directions.

    Unbiased for the two weighted point sets. For the distributions that the points are samples of
    it is biased like `squared_distance`. On a line it is exact.

    Args:
        x: points.
        y: points of the same dimension.
        num_slices: number of random directions, at least 1. The error falls like
            1 / sqrt(num_slices). On a line there is only one direction.
        generator: for the directions; not used on a line.
        x_weights: constants of any sign; uniform with total 1 if None.
        y_weights: constants of any sign; uniform with total 1 if None.

    Returns:
        A scalar in units of the points, >= 0 up to rounding, differentiable in the points.
        Coincident points have no gradient on each other.

    Raises:
        ValueError: if `num_slices` < 1, weights require a gradient, a set is empty, the dimensions
            differ, a number of weights does not fit, or the two total weights differ.
    """
    num_slices = whole_number("num_slices", num_slices, 1)
    generator = checked_generator("generator", generator)
    x, y, p, q = checked_weighted_sets(x, y, x_weights, y_weights)
    if p.requires_grad or q.requires_grad:
        raise ValueError(
            "`x_weights` and `y_weights` must not require a gradient, since it is computed for the "
            "points only; detach them or use `squared_distance`."
        )
    points = torch.cat([x, y])
    # the distance does not depend on the origin, but its rounding error does
    points = points - points.detach().mean(0)
    weights = torch.cat([p, -q]).double()  # differences of long cumulative sums
    directions = _directions(points.shape[1], num_slices, generator).to(points.device)
    pull = _pull(points.detach(), weights, directions)
    mean = (weights[:, None] * pull * points).sum() / len(directions)
    return (mean / _mean_projection(points.shape[1])).to(points.dtype)


def _pull(
    points: Float[Tensor, "n d"], weights: Float[Tensor, " n"], directions: Float[Tensor, "s d"]
) -> Float[Tensor, "n d"]:
    """Returns sum_s theta_s sum_j w_j sign(theta_s . (z_j - z_i)) for each point z_i."""
    pull = torch.zeros_like(points, dtype=torch.float64)
    with without_autocast(points):
        for block in row_blocks(len(directions), _COPIES * len(points)):
            projected = directions[block].to(points.dtype) @ points.T
            pull += _weighted_signs(projected, weights).T @ directions[block]
    return pull


def _weighted_signs(z: Float[Tensor, "s n"], weights: Float[Tensor, " n"]) -> Float[Tensor, "s n"]:
    """Returns sum_j w_j sign(z_j - z_i) in each row, where sign(0) = 0."""
    ordered, order = z.sort(dim=1)
    below = pad(weights[order].cumsum(1), (1, 0))  # (s, n + 1)
    smaller = below.gather(1, torch.searchsorted(ordered, ordered))
    not_larger = below.gather(1, torch.searchsorted(ordered, ordered, right=True))
    signs = below[:, -1:] - smaller - not_larger
    return torch.empty_like(signs).scatter_(1, order, signs)


def _directions(dim: int, number: int, generator: torch.Generator) -> Float[Tensor, "s d"]:
    if dim == 1:
        return torch.ones(1, 1, device=generator.device, dtype=torch.float64)
    shape = (number, dim)
    normal = torch.randn(shape, generator=generator, device=generator.device, dtype=torch.float64)
    return normalize(normal, dim=1)


def _mean_projection(dim: int) -> float:
    return math.exp(math.lgamma(dim / 2) - math.lgamma((dim + 1) / 2)) / math.sqrt(math.pi)
