"""The length scale of points, and kernels in units of a length scale."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.arguments import check_instance
from hawc.kernels import AbstractKernel
from hawc.precision import exact_distances

__all__ = ["estimate_length_scale", "rescaled_kernel"]

_POINTS, _GROUP = 128, 16
_NEAR_ONE = 13  # powers of two: from 1e-4 to 1e4 a kernel's mixture has the right rates


def estimate_length_scale(points: Float[Tensor, "n d"]) -> float:
    """Returns the median distance of a point to its 16th neighbour, over sqrt(d), > 0.

    The points are up to 128 of the given ones, evenly spaced in their order. Neither an outlier nor
    a gap between up to eight groups changes the result. Copies of a point do not count as
    neighbours.
    """
    subset = points[:: math.ceil(len(points) / _POINTS)].double()
    distances = exact_distances(subset, subset)
    distances = distances.masked_fill(distances == 0, torch.inf).sort(1).values
    nearest, at_most = distances[:, 0], distances[:, min(_GROUP, len(subset)) - 1]
    within = torch.where(at_most.isfinite(), at_most, nearest)
    within = within[within.isfinite()]
    if len(within) == 0:  # a single point has no other scale than its norm
        return float(subset.square().mean().sqrt()) or 1.0
    return float(within.quantile(0.5)) / math.sqrt(points.shape[1])


def rescaled_kernel(kernel: AbstractKernel, size: float) -> tuple[AbstractKernel, float, float]:
    """Returns k, f and a power of two u near `size` with h(x - y) = f k((x - y) / u).

    The mixture of a kernel has rates from 1e-24 to 1e24, for squared distances in between. So
    distributions of very small or large size need other units. For ordinary sizes, and for kernels
    without `rescaled`, the result is the kernel itself, 1 and 1.

    Args:
        kernel: h.
        size: of the distribution, >= 0, in the units of the points.
    """
    check_instance("kernel", kernel, AbstractKernel)
    power = round(math.log2(size)) if size > 0 else 0
    scaled = kernel.rescaled(2.0**power) if abs(power) > _NEAR_ONE else None
    return (kernel, 1.0, 1.0) if scaled is None else (*scaled, 2.0**power)
