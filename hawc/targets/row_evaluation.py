"""A potential at many points, a block of rows at a time, so that memory stays bounded."""

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
    """Returns function(x); beyond one block the backward pass evaluates blocks anew.

    Autograd would otherwise keep the intermediate results of all blocks until it has gone back.

    Args:
        function: to evaluate, row by row.
        x: where.
        entries: how many numbers the function holds for one row.
    """
    blocks = list(row_blocks(len(x), entries))
    if len(blocks) <= 1:
        return function(x)
    values = [
        checkpoint(function, x[b], use_reentrant=False, preserve_rng_state=False) for b in blocks
    ]
    return torch.cat(values)
