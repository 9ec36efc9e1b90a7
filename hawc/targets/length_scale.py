"""The unit of points: a length by which to tell what is small and what is large among them."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.arguments import check_instance
from hawc.kernels import AbstractKernel

__all__ = ["estimate_length_scale", "rescaled_kernel"]

_POINTS, _GROUP = 128, 16
_NEAR_ONE = 13  # powers of two: from 1e-4 to 1e4 the rates of a kernel's mixture suit as they are


def estimate_length_scale(points: Float[Tensor, "n d"]) -> float:
    """Returns a coordinate's share of the distances within a group of points, > 0.

    That is the median distance from a point to its 16th neighbour, of up to 128 points evenly
    spaced in their order: neither an outlier nor a gap between up to eight groups changes it.
    Copies of a point are no neighbours.
    """
    some = points[:: math.ceil(len(points) / _POINTS)].double()
    distances = torch.cdist(some, some, compute_mode="donot_use_mm_for_euclid_dist")
    distances = distances.masked_fill(distances == 0, torch.inf).sort(1).values
    nearest, at_most = distances[:, 0], distances[:, min(_GROUP, len(some)) - 1]
    within = torch.where(at_most.isfinite(), at_most, nearest)
    within = within[within.isfinite()]
    if len(within) == 0:  # a single point, whose own size is all that there is
        return float(some.square().mean().sqrt()) or 1.0
    return float(within.quantile(0.5)) / math.sqrt(points.shape[1])


def rescaled_kernel(kernel: AbstractKernel, size: float) -> tuple[AbstractKernel, float, float]:
    """Returns k, f and a power of two u with h(x - y) = f k((x - y) / u), u near the size.

    A kernel's mixture holds rates from 1e-24 to 1e24, for squared distances between. So
    distributions of very small or large size are taken in units of their own. For others u is 1,
    and for kernels that have no other form.

    Args:
        kernel: h.
        size: of the distribution, >= 0.
    """
    check_instance("kernel", kernel, AbstractKernel)
    power = round(math.log2(size)) if size > 0 else 0
    scaled = kernel.rescaled(2.0**power) if abs(power) > _NEAR_ONE else None
    return (kernel, 1.0, 1.0) if scaled is None else (*scaled, 2.0**power)
