"""Points in one piece of memory that grows with room to spare."""

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["PointBuffer"]

_SMALLEST_CAPACITY = 16


@final
class PointBuffer:
    """Rows that are only ever added, in one tensor on the CPU.

    A full tensor is replaced by one 1.25 times as large, so n rows cost O(n) copies in all, and at
    most 2.25 times their memory at the moment of a move.

    Args:
        dim: length of a row, at least 1.
        dtype: of the rows; None for that of the first ones.
    """

    def __init__(self, dim: int, dtype: torch.dtype | None = None) -> None:
        self.dim = dim
        self.dtype = dtype
        self._rows = torch.empty(0, dim, dtype=dtype, device="cpu")
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def view(self) -> Float[Tensor, "n d"]:
        """Returns all rows without a copy; later rows are put behind those that it shows."""
        # `data` leaves the version counter behind: a gradient that waits for an earlier view would
        # otherwise take rows added behind it for a change of the view
        return self._rows.data[: self._length]

    def append(self, rows: Float[Tensor, "k d"]) -> None:
        """Copies rows behind the present ones."""
        if self.dtype is None:
            self.dtype = rows.dtype
        end = self._length + len(rows)
        with torch.inference_mode(False), torch.no_grad():  # what it allocates is for all modes
            if end > len(self._rows) or self._rows.dtype != self.dtype:
                capacity = max(end, int(1.25 * len(self._rows)), _SMALLEST_CAPACITY)
                grown = torch.empty(capacity, self.dim, dtype=self.dtype, device="cpu")
                grown[: self._length] = self._rows[: self._length]
                self._rows = grown
            self._rows[self._length : end] = rows
        self._length = end
