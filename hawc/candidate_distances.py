"""Squared distances among candidates by matrix products, exact for close pairs too."""

from typing import final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hawc.precision import exact_distances

__all__ = ["CandidateDistances"]

# Pairs closer than this share of the largest |x|^2, times the root of the precision, are computed
# from differences of coordinates. The others keep half of their digits.
_CLOSE = 8.0
_BLOCK_NUMBERS = 2**22
_MANY_PAIRS = 16  # close ones of each point: then all pairs are computed from differences


@final
class CandidateDistances:
    """Squared distances |x_i - x_j|^2 of a point set, in its dtype.

    A distance is expanded as |x|^2 + |y|^2 - 2 xy, relative to the mean. Close pairs, which would
    lose their digits, are computed again from differences.

    Args:
        points: (m, f) in float32 or float64, finite; kept, with a copy relative to the mean.
    """

    def __init__(self, points: Float[Tensor, "m f"]) -> None:
        self._points = points
        self._centered = points - points.mean(0)
        self._norms = self._centered.square().sum(1)
        eps = torch.finfo(points.dtype).eps
        self._close = _CLOSE * eps**0.5 * float(self._norms.amax())

    def rows(self, index: Int[Tensor, " r"]) -> Float[Tensor, "r m"]:
        """Returns the squared distances from some of the points to all."""
        x, norms = self._centered[index], self._norms[index]
        squared = torch.addmm(norms[:, None], x, self._centered.T, alpha=-2).add_(self._norms)
        return self._refined(squared, index)

    def row(self, index: int) -> Float[Tensor, " m"]:
        """Returns the squared distances from one point to all."""
        return self.rows(torch.tensor([index], device=self._points.device))[0]

    def matrix(self) -> Float[Tensor, "m m"]:
        """Returns the squared distances of all pairs, with diagonal 0."""
        return self.rows(torch.arange(len(self._points), device=self._points.device))

    def _refined(
        self, squared: Float[Tensor, "r m"], index: Int[Tensor, " r"]
    ) -> Float[Tensor, "r m"]:
        """Returns the squared distances with those of close pairs from differences."""
        pairs = (squared < self._close).nonzero()
        if len(pairs) > _MANY_PAIRS * max(squared.shape):
            return exact_distances(self._points[index], self._points).square_()
        for rows, columns in (block.T for block in pairs.split(self._pairs_at_once())):
            differences = self._points[index[rows]] - self._points[columns]
            squared[rows, columns] = differences.square().sum(1)
        return squared.clamp_(min=0)

    def _pairs_at_once(self) -> int:
        return max(1, _BLOCK_NUMBERS // self._points.shape[1])
