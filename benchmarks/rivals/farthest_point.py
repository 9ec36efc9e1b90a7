"""Farthest-point selection: each image is the one farthest from all others so far.

    x_{t+1} = argmax_x min_{y in past and chosen} |x - y|

The minimum distance of the result is at least half of the largest possible one.

Source: Gonzalez 1985, "Clustering to minimize the maximum intercluster distance", Theoretical
Computer Science 38.
"""

from dataclasses import dataclass
from typing import final

import torch

from benchmarks.rivals.interface import Round
from hawc.precision import exact_distances

__all__ = ["FarthestPoint"]


@final
@dataclass(frozen=True)
class FarthestPoint:
    """Chooses greedily; the very first image is the first candidate."""

    def __call__(self, round_: Round) -> list[int]:
        """Returns the indices of n different candidates."""
        x = round_.features
        nearest = x.new_full((len(x),), torch.inf)
        if len(round_.past):
            nearest = exact_distances(x, round_.past).amin(1)
        chosen: list[int] = []
        for _ in range(round_.n):
            chosen.append(int(nearest.argmax()))
            nearest = torch.minimum(nearest, exact_distances(x, x[chosen[-1:]])[:, 0])
            nearest[chosen] = -1
        return chosen
