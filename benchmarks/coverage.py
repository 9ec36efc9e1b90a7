"""Which modes of a mixture of Gaussians points cover, as the benchmarks of toy distributions count
them.
"""

import math

from jaxtyping import Float
from torch import Tensor

from callbacks.covered_modes import mode_statistics

__all__ = ["LEAST_SHARE", "coverage"]

LEAST_SHARE = 0.1


def coverage(
    points: Float[Tensor, "n d"], modes: Float[Tensor, "k d"], mode_std: float
) -> tuple[int, float]:
    """Returns how many modes the points cover, and the share of points that are near any mode.

    Near is within four standard deviations. A mode is covered if at least a tenth of the points due
    to it, n / k, are near it: crossing it on the way between two others does not do.
    """
    least = math.ceil(LEAST_SHARE * len(points) / len(modes))
    found = mode_statistics(points, modes, mode_std, least)
    return int(found["covered"]), found["share_within_4_sigma"]
