"""A penalty on images that are too close to another image in features."""

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hawc.precision import exact_distances

__all__ = ["DistancePenalty", "independent_distance"]

# The penalty at 90 % of the distance is about the cost of one image that does not fit the
# distribution; at 70 % it is nine times that.
_WEIGHT = 100.0
# Share of independent images that have another image closer than the default distance.
_CLOSE_SHARE = 0.5
_BLOCK_ROWS = 4096  # remembered points: their distances from 1,000 candidates fit a cache
_SHORT_HISTORY = 2**20  # numbers; a longer one is searched in its own dtype, twice as fast


@final
@dataclass(frozen=True, eq=False)
class DistancePenalty:
    """Penalty w max(0, 1 - |x - y| / r)^2 on points x within distance r of a point y.

    Among the remembered points only the nearest counts; a sum over many would push new points out
    of the distribution. Among the new points each pair counts.

    Args:
        distance: r >= 0; 0 for no penalty.
        past: the remembered points.
    """

    distance: float
    past: Float[Tensor, "kp d"]

    def to_past(self, x: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
        """Returns each point's penalty for its nearest remembered point."""
        if self.distance == 0 or len(self.past) == 0:
            return torch.zeros_like(x[:, 0])
        return self.of_pairs(_squared_to_nearest(x, self.past))

    def value_and_gradient(
        self, x: Float[Tensor, "n d"]
    ) -> tuple[Float[Tensor, ""], Float[Tensor, "n d"]]:
        """Returns the total penalty of all points and pairs, and its gradient."""
        if self.distance == 0:
            return x.new_zeros(()), torch.zeros_like(x)
        x = x.detach().clone().requires_grad_()
        with torch.enable_grad():
            first, second = torch.triu_indices(len(x), len(x), 1, device=x.device)
            pairs = self.of_pairs((x[first] - x[second]).square().sum(1))
            value = self.to_past(x).sum() + pairs.sum()
        (gradient,) = torch.autograd.grad(value, x)
        return value.detach(), gradient

    def smallest_distance(self, x: Float[Tensor, "n d"]) -> float:
        """Returns the smallest distance from a new point to any other point."""
        return float(_distances_to_others(x[None], self.past).amin())

    def of_pairs(self, squared: Float[Tensor, "*s"]) -> Float[Tensor, "*s"]:
        """Returns the penalty of pairs of points at given squared distances."""
        if self.distance == 0:
            return 0 * squared
        squared = squared.clamp(min=1e-12 * self.distance**2)  # sqrt has no derivative at 0
        return _WEIGHT * (1 - squared.sqrt() / self.distance).clamp(min=0).square()


def independent_distance(
    candidates: Float[Tensor, "m d"], past: Float[Tensor, "kp d"], size: int
) -> float:
    """Returns the median distance of independent points to the nearest other point.

    The candidates are split into batches. Each point is compared with the other points of its batch
    and with the remembered points. New points can keep this distance, since half of independent
    points do, and they then avoid the closest pairs that independent points often have.

    Args:
        candidates: independent points, at least `size`.
        past: the remembered points.
        size: number of points in a batch, at least 1.
    """
    batches = candidates[: len(candidates) // size * size].reshape(-1, size, candidates.shape[1])
    distances = _distances_to_others(batches, past).flatten()
    # a single point without a past has no other points
    return float(distances.quantile(_CLOSE_SHARE)) if distances.isfinite().all() else 0.0


def _distances_to_others(
    batches: Float[Tensor, "b n d"], past: Float[Tensor, "kp d"]
) -> Float[Tensor, "b n"]:
    """Returns each point's distance to the nearest other of its batch and the past."""
    in_batch = exact_distances(batches, batches)
    in_batch.diagonal(dim1=1, dim2=2).fill_(torch.inf)
    distances = in_batch.amin(2)
    if len(past) == 0:
        return distances
    to_past = _squared_to_nearest(batches.flatten(0, 1), past).sqrt()
    return torch.minimum(distances, to_past.reshape(distances.shape))


def _squared_to_nearest(
    x: Float[Tensor, "n d"], past: Float[Tensor, "kp d"]
) -> Float[Tensor, " n"]:
    """Returns each point's squared distance to the nearest remembered point."""
    nearest = past[_nearest(x.detach(), past)].to(x)
    return (x - nearest).square().sum(1)


@torch.no_grad()
def _nearest(x: Float[Tensor, "n d"], past: Float[Tensor, "kp d"]) -> Int[Tensor, " n"]:
    """Returns the index of the remembered point that is nearest to each point."""
    x = x if past.numel() < _SHORT_HISTORY else x.to(past.dtype)
    center = x.mean(0)  # the rounding error of the expansion below is relative to |x|^2
    x = x - center
    lowest = x.new_full((len(x),), torch.inf)
    index = torch.zeros(len(x), dtype=torch.long, device=x.device)
    for first in range(0, len(past), _BLOCK_ROWS):
        y = past[first : first + _BLOCK_ROWS].to(x) - center
        # |x - y|^2 without |x|^2, which is the same for all y
        low, place = torch.addmm(y.square().sum(1)[None], x, y.T, alpha=-2).min(1)
        index = torch.where(low < lowest, first + place, index)
        lowest = torch.minimum(lowest, low)
    return index
