"""Blocks of rows of a large matrix, which bound the memory that it takes."""

from collections.abc import Iterator

__all__ = ["ROWS_AT_ONCE", "row_blocks"]

ROWS_AT_ONCE = 256  # rows that a network gets in one call

_BLOCK_ENTRIES = 2**20  # 8 MiB of float64


def row_blocks(num_rows: int, num_columns: int) -> Iterator[slice]:
    """Yields slices over the rows of a matrix, each with a bounded number of entries."""
    size = max(1, _BLOCK_ENTRIES // max(1, num_columns))
    for first in range(0, num_rows, size):
        yield slice(first, first + size)
