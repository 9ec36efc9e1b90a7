"""Computations without loss of digits: casts, exact distances, and no autocast."""

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

__all__ = ["exact_distances", "full_precision", "without_autocast"]


def full_precision(x: Shaped[Tensor, "*s"]) -> Float[Tensor, "*s"]:
    """Returns half precision as float32, integers as float64, and all else unchanged.

    A squared distance is a small difference of large means. Half precision would leave none of its
    digits.
    """
    if not x.is_floating_point():
        return x.double()
    return x.float() if x.element_size() < 4 else x


def exact_distances(
    x: Float[Tensor, "*b n d"], y: Float[Tensor, "*b m d"]
) -> Float[Tensor, "*b n m"]:
    """Returns |x_i - y_j| from differences of coordinates.

    For large sets torch.cdist would expand |x - y|^2, which loses the digits of small distances.
    """
    return torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist")


def without_autocast(x: Tensor) -> torch.autocast:
    """Returns a context that disables autocast on the device of `x`."""
    return torch.autocast(x.device.type, enabled=False)
