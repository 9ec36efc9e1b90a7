"""Checks of arguments that several laws take."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["checked_dim", "normalized_weights"]


def checked_dim(dim: int) -> int:
    """Returns `dim`, a number of coordinates, if it is at least 1."""
    if dim < 1:
        raise ValueError(f"`dim` must be at least 1, got {dim}.")
    return dim


def normalized_weights(weights: Float[Tensor, " n"] | None, count: int) -> Float[Tensor, " n"]:
    """Returns weights with total 1 in float64 on the CPU, the same ones on every machine.

    Args:
        weights: non-negative, any positive total; uniform if None.
        count: how many there must be.

    Raises:
        ValueError: if their number differs, one is negative or NaN, or the total is 0 or infinite.
    """
    if weights is None:
        weights = torch.ones(count)
    if weights.shape != (count,) or not bool((weights >= 0).all()):
        smallest = weights.min() if weights.numel() else None
        raise ValueError(
            f"`weights` must be {count} non-negative numbers, one a point, got shape "
            f"{tuple(weights.shape)}, smallest {smallest}."
        )
    with torch.inference_mode(False):  # tensors made in that mode cannot be differentiated by
        values = weights.detach().to("cpu", torch.float64, copy=True)
        if not 0 < values.sum() < math.inf:
            raise ValueError(f"`weights` must have a positive finite sum, got {values.sum()}.")
        # a sum that depends on the processor would give the law another name on another machine
        return values / math.fsum(values.tolist())
