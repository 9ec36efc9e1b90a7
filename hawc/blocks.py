"""Sums over all pairs of points, a block of rows at a time, so that memory stays bounded."""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.kernels import AbstractKernel, without_autocast

__all__ = ["double_sum", "row_blocks"]

_BLOCK_ENTRIES = 2**22  # 32 MiB of float64


def double_sum(
    kernel: AbstractKernel,
    x: Float[Tensor, "n d"],
    y: Float[Tensor, "m d"],
    x_weights: Float[Tensor, " n"],
    y_weights: Float[Tensor, " m"],
) -> Float[Tensor, ""]:
    """Returns sum_ij p_i q_j h(x_i, y_j) in blocks of rows; trusts its arguments."""
    with without_autocast(x):
        rows = [x_weights[b] @ (kernel(x[b], y) @ y_weights) for b in row_blocks(len(x), len(y))]
        return torch.stack(rows).sum()


def row_blocks(num_rows: int, num_columns: int) -> Iterator[slice]:
    """Yields slices over the rows of a matrix whose blocks hold a bounded number of entries."""
    size = max(1, _BLOCK_ENTRIES // max(1, num_columns))
    for first in range(0, num_rows, size):
        yield slice(first, first + size)
