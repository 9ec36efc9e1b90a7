"""Coverage of the modes of a mixture of Gaussians, for the benchmarks of toy distributions."""

import math

from jaxtyping import Float
from torch import Tensor

from callbacks.covered_modes import mode_statistics

__all__ = ["LEAST_SHARE", "coverage"]

LEAST_SHARE = 0.1


def coverage(
    points: Float[Tensor, "n d"], modes: Float[Tensor, "k d"], mode_std: float
) -> tuple[int, float]:
    """Returns the number of covered modes and the share of points near any mode.

    Near means within four standard deviations. A mode is covered if at least a tenth of its fair
    share of n / k points are near it. Points on a path between other modes do not cover it.
    """
    least = math.ceil(LEAST_SHARE * len(points) / len(modes))
    statistics = mode_statistics(points, modes, mode_std, least)
    return int(statistics["covered"]), statistics["share_within_4_sigma"]
