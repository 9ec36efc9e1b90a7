"""Checks of arguments that several distributions take."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.arguments import whole_number
from hawc.points import ArrayLike, as_weights

__all__ = ["checked_dim", "normalized_weights"]


def checked_dim(dim: int) -> int:
    """Returns the number of coordinates `dim` if it is a whole number of at least 1."""
    return whole_number("dim", dim, 1)


def normalized_weights(
    weights: Float[Tensor, " n"] | ArrayLike | None, count: int
) -> Float[Tensor, " n"]:
    """Returns weights of total 1 in float64 on the CPU, the same on every machine.

    Args:
        weights: >= 0, of any positive total; uniform if None.
        count: their required number.

    Raises:
        ValueError: if their number differs, one is negative or NaN, or the total is 0 or infinite.
    """
    if weights is None:
        weights = torch.ones(count, dtype=torch.float64, device="cpu")
    weights = as_weights("weights", weights, count)
    if not bool((weights >= 0).all()):
        raise ValueError(
            f"`weights` must not be negative, got {float(weights.detach().min()):.6g}."
        )
    with torch.inference_mode(False):  # autograd cannot use inference tensors
        values = weights.detach().to("cpu", torch.float64, copy=True)
        if not 0 < values.sum() < math.inf:
            raise ValueError(f"`weights` must have a positive finite sum, got {values.sum()}.")
        # a processor-dependent sum would change the distribution's identity between machines
        return values / math.fsum(values.tolist())
