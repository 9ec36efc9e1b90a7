"""The distance between nearest neighbors in a set of independent images.

Users state how far apart images should be as a share: of so many independent images that share has
its nearest neighbor closer. The same share means a smaller distance in a larger set.
"""

import re

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hawc.arguments import real_number, whole_number
from hawc.blocks import row_blocks
from hawc.candidate_distances import CandidateDistances
from hawc.points import ArrayLike, as_points

__all__ = ["parse_spacing", "spacing", "spread_indices"]

_TEXT = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*%(?:\s+of\s+(\d+))?\s*")
_MOST_QUERIES = 2048  # points whose neighbors are searched; their share has an error of 1 %
_MOST_DISTANCES = 2**24  # kept at once, 128 MB; few images of many points need far neighbors
_NEGLIGIBLE = 1e-9  # probability that a neighbor of higher rank is the nearest
_SMALL = 2**22  # numbers; distances between more are computed in the points' own precision
_NEIGHBORS = 3  # for the intrinsic dimension; more would reach beyond small clusters


def parse_spacing(text: str, name: str = "min_distance") -> tuple[float, int | None]:
    """Returns share and number of images of a text such as "25%" or "25% of 500".

    Args:
        text: a percentage between 0 and 100, and a number of images of at least 2 if given.
        name: of the argument, for the message.

    Raises:
        ValueError: if `text` is anything else.

    Example:
        >>> parse_spacing("25%"), parse_spacing("2.5% of 500")
        ((0.25, None), (0.025, 500))
    """
    match = _TEXT.fullmatch(text)
    share = float(match[1]) / 100 if match else 0.0
    count = int(match[2]) if match and match[2] else None
    if not 0 < share < 1 or (count is not None and count < 2):
        raise ValueError(
            f'`{name}` must be a distance or a text such as "25%" or "25% of 500", got '
            f"{text!r}; the percentage is between 0 and 100, the number of images at least 2."
        )
    return share, count


def spacing(
    points: Float[Tensor, "n f"] | ArrayLike, share: float, num_images: int | None = None
) -> float:
    """Returns the distance within which a share of images has its nearest neighbor.

    The points are i.i.d. samples of some distribution. Of N other samples of it, `share` have
    their nearest neighbor among the N closer than the result, in the mean.

    For N = n this is the plain quantile of the distances to the nearest neighbor. For N < n the
    mean is taken over all subsets of N points, exactly: the k-th neighbor of a point is its
    nearest one in a subset with probability C(n-1-k, N-2) / C(n-1, N-1). For N > n the distance is
    extrapolated by the intrinsic dimension D of the points, as ((n - 1) / (N - 1))^(1/D).

    A share of 25 % was measured for normal samples in 2, 8 and 64 dimensions, a curved surface of 3
    dimensions and ten clusters. For N <= n its mean was between 0.23 and 0.27; it
    scatters by 0.05 for n = 200 and by 0.03 for n = 1,000. For N up to 4 n its mean was between
    0.20 and 0.30, for N = 10 n between 0.17 and 0.21: such a distance is somewhat too small.

    Args:
        points: at least two, finite.
        share: between 0 and 1.
        num_images: N >= 2; n if None.

    Returns:
        A distance in units of the points; 0 if too many points are copies of others.

    Raises:
        ValueError: if an argument is out of its range.

    Source: D is the estimate of Levina and Bickel 2004, "Maximum likelihood estimation of intrinsic
    dimension", NIPS 17, with the harmonic mean of MacKay and Ghahramani 2005.
    """
    points = as_points("points", points, smallest=2, finite=True).detach()
    if not 0 < real_number("share", share) < 1:
        raise ValueError(f"`share` must be between 0 and 1, got {share}; 25 % is 0.25.")
    n = len(points)
    size = n if num_images is None else whole_number("num_images", num_images, 2)
    weights = _nearest_probabilities(n, min(size, n))
    distances = _neighbor_distances(points, max(len(weights), min(_NEIGHBORS, n - 1)))
    if size == n:
        return float(distances[:, 0].quantile(share))
    if size > n:
        factor = ((n - 1) / (size - 1)) ** _inverse_dimension(distances[:, :_NEIGHBORS])
        return float(distances[:, 0].quantile(share) * factor)
    return _weighted_quantile(distances[:, : len(weights)], weights, share)


def _nearest_probabilities(n: int, size: int) -> Float[Tensor, " k"]:
    """Returns the probability that the k-th neighbor is the nearest one in a subset.

    The subset holds the point itself and size - 1 of the n - 1 others.
    """
    k = torch.arange(1, n - size + 2, dtype=torch.float64, device="cpu")

    def log_choose(a: Float[Tensor, "*s"], b: int) -> Float[Tensor, "*s"]:
        rest = torch.lgamma(torch.tensor(b + 1.0, dtype=torch.float64, device="cpu"))
        return torch.lgamma(a + 1) - rest - torch.lgamma(a - b + 1)

    probabilities = (
        log_choose(n - 1 - k, size - 2) - log_choose(k.new_tensor(n - 1), size - 1)
    ).exp()
    needed = int((probabilities.cumsum(0) < 1 - _NEGLIGIBLE).sum()) + 1
    return probabilities[:needed]


def _neighbor_distances(points: Float[Tensor, "n f"], count: int) -> Float[Tensor, "q count"]:
    """Returns the distances to the nearest `count` other points, in float64.

    Of many points only some have their neighbors searched; the neighbors are among all.
    """
    n = len(points)
    most = min(_MOST_QUERIES, max(1, _MOST_DISTANCES // count))
    query = spread_indices(n, most).to(points.device)
    distances = CandidateDistances(points.double() if points.numel() < _SMALL else points)
    nearest = []
    for block in row_blocks(len(query), n):
        squared = distances.rows(query[block])
        squared.scatter_(1, query[block][:, None], torch.inf)  # not the point itself
        nearest.append(squared.topk(count, dim=1, largest=False).values)
    return torch.cat(nearest).double().sqrt()


def spread_indices(count: int, most: int) -> Int[Tensor, " k"]:
    """Returns all indices of a short list, or evenly spaced ones."""
    return torch.linspace(0, count - 1, min(count, most), dtype=torch.float64, device="cpu").long()


def _inverse_dimension(distances: Float[Tensor, "q k"]) -> float:
    """Returns 1 / D by the mean of log(r_k / r_j) over neighbors j < k."""
    distances = distances[distances[:, 0] > 0]  # copies have no dimension
    if distances.shape[1] < 2 or len(distances) == 0:
        return 0.0
    logs = distances.log()
    return float((logs[:, -1:] - logs[:, :-1]).mean())


def _weighted_quantile(
    distances: Float[Tensor, "q k"], weights: Float[Tensor, " k"], share: float
) -> float:
    ordered, order = distances.flatten().sort()
    mass = weights.to(distances).expand_as(distances).flatten()[order].cumsum(0)
    place = torch.searchsorted(mass, share * mass[-1])
    return float(ordered[place.clamp(max=len(ordered) - 1)])
