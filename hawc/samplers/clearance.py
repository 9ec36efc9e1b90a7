"""A penalty on images that look like one that is there already."""

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float, Int
from torch import Tensor

__all__ = ["EXACT", "Clearance", "independent_distance"]

# cdist's default takes large sets by a product that loses the digits of points far from the origin.
EXACT = "donot_use_mm_for_euclid_dist"
# At nine tenths of the distance an image costs about what one costs that is out of place in the
# distribution; at seven tenths nine times that.
_WEIGHT = 100.0
# Share of independent images that are nearer to others than new ones should be.
_NEARER = 0.25
_SEARCHED_AT_ONCE = 4096  # remembered points: their distances from 1,000 candidates fit a cache
_SHORT_HISTORY = 2**20  # numbers; a longer one is searched in its own precision, twice as fast


@final
@dataclass(frozen=True, eq=False)
class Clearance:
    """The penalty w max(0, 1 - |x - y| / r)^2 for points x that are nearer than r to a point y.

    Of the remembered points the nearest one counts alone: a crowd of them does not push new points
    out of the distribution, as a sum over them would. Of the new ones each pair counts.

    Args:
        distance: r >= 0; 0 for no penalty.
        past: the remembered points, (kp, d).
    """

    distance: float
    past: Float[Tensor, "kp d"]

    def to_past(self, x: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
        """Returns the penalty of each point for its nearest remembered one."""
        if self.distance == 0 or len(self.past) == 0:
            return torch.zeros_like(x[:, 0])
        return self._height(_squared_to_nearest(x, self.past))

    def to_one(self, x: Float[Tensor, "n d"], index: int) -> Float[Tensor, " n"]:
        """Returns the penalty of each pair with one of the points; 0 for that point itself."""
        heights = self._height((x - x[index]).square().sum(1))
        heights[index] = 0
        return heights

    def value_and_gradient(
        self, x: Float[Tensor, "n d"]
    ) -> tuple[Float[Tensor, ""], Float[Tensor, "n d"]]:
        """Returns the penalty of all points and pairs together, and its gradient."""
        if self.distance == 0:
            return x.new_zeros(()), torch.zeros_like(x)
        x = x.detach().clone().requires_grad_()
        with torch.enable_grad():
            first, second = torch.triu_indices(len(x), len(x), 1, device=x.device)
            pairs = self._height((x[first] - x[second]).square().sum(1))
            value = self.to_past(x).sum() + pairs.sum()
        (gradient,) = torch.autograd.grad(value, x)
        return value.detach(), gradient

    def reached(self, x: Float[Tensor, "n d"]) -> float:
        """Returns the smallest distance of a point from another or from a remembered one."""
        return float(_distances_to_others(x[None], self.past).amin())

    def _height(self, squared: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
        if self.distance == 0:
            return 0 * squared
        near = squared.clamp(min=1e-12 * self.distance**2)  # the root of 0 has no derivative
        return _WEIGHT * (1 - near.sqrt() / self.distance).clamp(min=0).square()


def independent_distance(
    candidates: Float[Tensor, "m d"], past: Float[Tensor, "kp d"], size: int
) -> float:
    """Returns the distance that three quarters of independent points keep from all others.

    The others are the remembered points and those of their own batch. Independent batches are what
    the candidates are: these are measured. New points can keep that distance, since most
    independent ones do, and then no two are as near as the closest of independent ones often are.

    Args:
        candidates: independent points, at least `size`.
        past: the remembered points.
        size: of a batch.
    """
    batches = candidates[: len(candidates) // size * size].reshape(-1, size, candidates.shape[1])
    distances = _distances_to_others(batches, past).flatten()
    # a single point with nothing to remember has no others
    return float(distances.quantile(_NEARER)) if distances.isfinite().all() else 0.0


def _distances_to_others(
    batches: Float[Tensor, "b n d"], past: Float[Tensor, "kp d"]
) -> Float[Tensor, "b n"]:
    """Returns how far each point is from the nearest one of its batch and of the past."""
    apart = torch.cdist(batches, batches, compute_mode=EXACT)
    apart.diagonal(dim1=1, dim2=2).fill_(torch.inf)
    distances = apart.amin(2)
    if len(past) == 0:
        return distances
    to_past = _squared_to_nearest(batches.flatten(0, 1), past).sqrt()
    return torch.minimum(distances, to_past.reshape(distances.shape))


def _squared_to_nearest(
    x: Float[Tensor, "n d"], past: Float[Tensor, "kp d"]
) -> Float[Tensor, " n"]:
    """Returns the squared distance of each point to the nearest remembered one."""
    nearest = past[_nearest(x.detach(), past)].to(x)
    return (x - nearest).square().sum(1)


@torch.no_grad()
def _nearest(x: Float[Tensor, "n d"], past: Float[Tensor, "kp d"]) -> Int[Tensor, " n"]:
    """Returns which remembered point is the nearest one to each point."""
    x = x if past.numel() < _SHORT_HISTORY else x.to(past.dtype)
    center = x.mean(0)  # the error of an expansion is relative to |x|^2
    x = x - center
    lowest = x.new_full((len(x),), torch.inf)
    index = torch.zeros(len(x), dtype=torch.long, device=x.device)
    for first in range(0, len(past), _SEARCHED_AT_ONCE):
        y = past[first : first + _SEARCHED_AT_ONCE].to(x) - center
        # |x - y|^2 but for |x|^2, which is the same for all y
        low, place = torch.addmm(y.square().sum(1)[None], x, y.T, alpha=-2).min(1)
        index = torch.where(low < lowest, first + place, index)
        lowest = torch.minimum(lowest, low)
    return index
