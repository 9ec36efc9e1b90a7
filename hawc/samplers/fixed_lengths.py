"""Latents whose lengths are the prior's: only their directions are free."""

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.targets.shells import Shells

__all__ = ["HeldLengths", "typical"]

# Probabilities of the shortest and the longest latent: 1 % and 99 %, less what rounding may move.
_TYPICAL = (0.011, 0.989)


def typical(points: Float[Tensor, "n d"], shells: Shells | None) -> Float[Tensor, "n d"]:
    """Returns samples with the shortest and longest ones brought to usual lengths.

    One sample in fifty is concerned: it keeps its direction and gets the length at 1.1 % or 98.9 %
    of the distribution of lengths.

    Args:
        points: samples of the distribution.
        shells: of the distribution; the points are returned as they are if None.
    """
    if shells is None:
        return points
    lengths = shells.lengths(points)
    shortest, longest = shells.lengths_at(torch.tensor(_TYPICAL)).tolist()
    usual = lengths.clamp(shortest, longest)
    return torch.where((usual == lengths)[:, None], points, shells.at(points, usual))


@final
class HeldLengths:
    """The map from free coordinates w to points of given lengths, and its gradient.

    A point is center + A r w / |w|, with a length r that is held. Where a distribution has no
    lengths, w is the point itself.

    Args:
        shells: of the distribution, or None.
        points: (n, d), those whose lengths are held.
    """

    def __init__(self, shells: Shells | None, points: Float[Tensor, "n d"]) -> None:
        self._shells = shells
        self._lengths = None if shells is None else shells.lengths(points)[:, None]

    def coordinates(self, points: Float[Tensor, "m d"]) -> Float[Tensor, "m k"]:
        """Returns free coordinates of any points."""
        return points if self._shells is None else self._shells.whitened(points)

    def points(self, w: Float[Tensor, "n k"]) -> Float[Tensor, "n d"]:
        """Returns the points in the directions w."""
        if self._shells is None or self._lengths is None:
            return w
        return self._shells.points(self._lengths * w / _norms(w))

    def pulled_back(
        self, w: Float[Tensor, "n k"], gradient: Float[Tensor, "n d"]
    ) -> Float[Tensor, "n k"]:
        """Returns the gradient in w of a function, given its gradient in the points."""
        if self._shells is None or self._lengths is None:
            return gradient
        u = w / _norms(w)
        whitened = self._shells.pulled_back(gradient)
        tangential = whitened - (whitened * u).sum(1, keepdim=True) * u
        return tangential * self._lengths / _norms(w)


def _norms(w: Float[Tensor, "n k"]) -> Float[Tensor, "n 1"]:
    norms: Tensor = torch.linalg.vector_norm(w, dim=1, keepdim=True)
    return norms.clamp(min=torch.finfo(w.dtype).tiny)
