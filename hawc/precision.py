"""Computations in float32 or better: casts, and contexts without autocast."""

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

__all__ = ["full_precision", "without_autocast"]


def full_precision(x: Shaped[Tensor, "*s"]) -> Float[Tensor, "*s"]:
    """Returns half precision as float32, integers as float64, and all else unchanged.

    A squared distance is a small difference of large means. Half precision would leave none of its
    digits.
    """
    if not x.is_floating_point():
        return x.double()
    return x.float() if x.element_size() < 4 else x


def without_autocast(x: Tensor) -> torch.autocast:
    """Returns a context that disables autocast on the device of `x`."""
    return torch.autocast(x.device.type, enabled=False)
