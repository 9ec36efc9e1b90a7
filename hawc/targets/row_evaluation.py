"""Potentials at many points, in blocks of rows, with bounded memory."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from hawc.blocks import row_blocks
from hawc.targets.abstract import Potential

__all__ = ["in_row_blocks"]


def in_row_blocks(
    function: Potential, x: Float[Tensor, "n d"], entries: int
) -> Float[Tensor, " n"]:
    """Returns function(x), computed in blocks of rows.

    With several blocks the backward pass evaluates each block again. Autograd would otherwise keep
    the intermediate results of all blocks.

    Args:
        function: acts on each row independently.
        x: the rows.
        entries: numbers that the function keeps in memory for one row.
    """
    blocks = list(row_blocks(len(x), entries))
    if len(blocks) <= 1:
        return function(x)
    values = [
        checkpoint(function, x[b], use_reentrant=False, preserve_rng_state=False) for b in blocks
    ]
    return torch.cat(values)
