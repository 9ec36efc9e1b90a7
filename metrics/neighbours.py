"""Nearest neighbours among points, in blocks: time O(n m f), memory O(n + m).

Squared distances are |x|^2 + |y|^2 - 2 xy from a common origin, in float64. Points nearer than a
ten-thousandth of their distance from the origin would keep less than half of the digits. Their
distances are computed from coordinate differences.
"""

import math
from collections.abc import Iterator

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hawc.arguments import whole_number
from hawc.blocks import row_blocks
from hawc.points import ArrayLike, as_points, promoted
from hawc.precision import without_autocast

__all__ = [
    "central_point",
    "nearest",
    "nearest_earlier",
    "squared_distance_blocks",
    "squared_neighbour_radii",
]

# A squared distance above this share of |x|^2 keeps half of its digits: its rounding error is a few
# times eps (|x|^2 + |y|^2), and |y| is about |x| where points are near.
_NEAR = 64 * torch.finfo(torch.float64).eps ** 0.5
_PAIRS_AT_ONCE = 2**18  # coordinates of pairs whose differences are computed at once

_MOST_FOR_ORIGIN = 1000  # points; enough to estimate a median


def central_point(points: Float[Tensor, "n f"] | ArrayLike) -> Float[Tensor, " f"]:
    """Returns the median of up to 1000 evenly spaced points, in float64.

    A mean would follow a single distant point, and all others would lose digits.

    Args:
        points: at least one.
    """
    points = as_points("points", points)
    chosen = points[:: math.ceil(len(points) / _MOST_FOR_ORIGIN)].double()
    # not torch.median, which has no deterministic algorithm on CUDA
    middle: Tensor = chosen.sort(0).values[(len(chosen) - 1) // 2]
    return middle


def squared_distance_blocks(
    x: Float[Tensor, "n f"] | ArrayLike,
    y: Float[Tensor, "m f"] | ArrayLike,
    origin: Float[Tensor, " f"] | None = None,
) -> Iterator[tuple[slice, Float[Tensor, "b m"]]]:
    """Yields blocks of rows of |x_i - y_j|^2 with their places, in float64.

    The caller may overwrite a block, whose memory the next block uses. There is no gradient. The
    distance of copies is exactly 0.

    Args:
        x: at least one point.
        y: at least one point.
        origin: a point in the middle of both; `central_point(y)` if None. The error of a squared
            distance is a few eps times the squared distances from the origin.
    """
    x, y = promoted(as_points("x", x).detach().double(), as_points("y", y).detach())
    origin = central_point(y) if origin is None else origin.detach().double()
    x, y = x - origin, y - origin
    x_norms, y_norms = x.square().sum(1), y.square().sum(1)
    memory = x.new_empty(0)
    for rows in row_blocks(len(x), len(y)):
        norms = x_norms[rows, None]
        if len(memory) != len(norms):
            memory = x.new_empty(len(norms), len(y))
        with without_autocast(x):
            squared = torch.addmm(y_norms, x[rows], y.T, alpha=-2, out=memory).add_(norms)
        near = (squared <= _NEAR * norms).nonzero()
        for pairs in near.split(max(1, _PAIRS_AT_ONCE // x.shape[1])):
            i, j = pairs.T
            squared[i, j] = (x[rows][i] - y[j]).square().sum(1)
        yield rows, squared


def squared_neighbour_radii(
    points: Float[Tensor, "n f"] | ArrayLike,
    num_neighbours: int,
    origin: Float[Tensor, " f"] | None = None,
) -> Float[Tensor, " n"]:
    """Returns each point's squared distance to its k-th nearest other point.

    Args:
        points: more than `num_neighbours`.
        num_neighbours: k, at least 1.
        origin: that of `squared_distance_blocks`.

    Raises:
        ValueError: if there are too few points.
    """
    points = as_points("points", points)
    num_neighbours = whole_number("num_neighbours", num_neighbours, 1)
    if not num_neighbours < len(points):
        raise ValueError(
            f"`num_neighbours` must be at least 1 and less than the number of points, got "
            f"{num_neighbours} for {len(points)} points; give more points or fewer neighbours."
        )
    # one tensor of results: small tensors beside freed blocks keep glibc from reusing their memory
    radii = torch.empty(len(points), dtype=torch.float64, device=points.device)
    for rows, squared in squared_distance_blocks(points, points, origin):
        # the first is the point itself, or a copy of it
        radii[rows] = squared.topk(num_neighbours + 1, largest=False).values[:, -1]
    return radii


def nearest(
    points: Float[Tensor, "n f"] | ArrayLike, reference: Float[Tensor, "m f"] | ArrayLike
) -> tuple[Float[Tensor, " n"], Int[Tensor, " n"]]:
    """Returns each point's distance to the nearest reference point, and its index.

    Args:
        points: at least one.
        reference: at least one.
    """
    points = as_points("points", points)
    squared = torch.empty(len(points), dtype=torch.float64, device=points.device)
    indices = torch.empty(len(points), dtype=torch.int64, device=points.device)
    for rows, block in squared_distance_blocks(points, reference):
        squared[rows], indices[rows] = block.min(1)
    return squared.sqrt(), indices


def nearest_earlier(points: Float[Tensor, "n f"] | ArrayLike) -> Float[Tensor, " n"]:
    """Returns distances to the nearest earlier point; infinity for the first.

    Args:
        points: at least one.
    """
    points = as_points("points", points)
    order = torch.arange(len(points), device=points.device)
    smallest = torch.empty(len(points), dtype=torch.float64, device=points.device)
    for rows, squared in squared_distance_blocks(points, points):
        smallest[rows] = squared.masked_fill_(order >= order[rows, None], torch.inf).amin(1)
    return smallest.sqrt()
