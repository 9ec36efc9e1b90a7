"""Points in one piece of memory that grows with room to spare."""

from typing import Any, final

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["PointBuffer"]

_SMALLEST_CAPACITY = 16


@final
class PointBuffer:
    """Rows that are only ever added, in one tensor on the CPU.

    A full tensor is replaced by one 1.25 times as large, so n rows cost O(n) copies in all, and at
    most 2.25 times their memory at the moment of a move. A copy, also one in another process, has
    memory of its own. Threads may read while one appends; those that append take turns.

    Args:
        dim: length of a row, at least 1.
        dtype: of the rows; None for that of the first ones.
    """

    def __init__(self, dim: int, dtype: torch.dtype | None = None) -> None:
        self.dim = dim
        self.dtype = dtype
        self._memory = torch.empty(0, dim, dtype=dtype, device="cpu")
        self._rows = self._memory  # what is in use of it; replaced last, so readers see whole rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getstate__(self) -> tuple[Any, ...]:
        # as bytes: PyTorch would let the other process use this very memory, with the spare room
        rows = self._rows
        return self.dim, self.dtype, rows.dtype, rows.view(torch.uint8).numpy().copy()

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.dim, self.dtype, dtype, rows = state
        with torch.inference_mode(False):
            self._memory = torch.empty(len(rows), self.dim, dtype=dtype, device="cpu")
        self._memory.view(torch.uint8).numpy()[:] = rows
        self._rows = self._memory

    def view(self) -> Float[Tensor, "n d"]:
        """Returns all rows without a copy; later rows are put behind those that it shows."""
        # `data` leaves the version counter behind: a gradient that waits for an earlier view would
        # otherwise take rows added behind it for a change of the view
        return self._rows.data

    def copy(self) -> Float[Tensor, "n d"]:
        """Returns all rows in memory of their own."""
        with torch.inference_mode(False), torch.no_grad():
            return self._rows.clone()

    def append(self, rows: Float[Tensor, "k d"]) -> None:
        """Copies rows behind the present ones."""
        if self.dtype is None:
            self.dtype = rows.dtype
        length = len(self)
        end = length + len(rows)
        memory = self._memory
        with torch.inference_mode(False), torch.no_grad():  # what it allocates is for all modes
            if end > len(memory) or memory.dtype != self.dtype:
                capacity = max(end, int(1.25 * len(memory)), _SMALLEST_CAPACITY)
                memory = torch.empty(capacity, self.dim, dtype=self.dtype, device="cpu")
                memory[:length] = self._rows
            memory[length:end] = rows
            self._memory, self._rows = memory, memory[:end]
