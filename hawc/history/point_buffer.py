"""Rows in one tensor that grows with spare capacity."""

import math
from collections.abc import Sequence
from typing import Any, final

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["PointBuffer"]

_SMALLEST_CAPACITY = 16


@final
class PointBuffer:
    """Rows in one tensor on the CPU, which are added, or replaced by NaN.

    A full tensor is replaced by one 1.25 times as large. So n rows cost O(n) copies in total, and
    at most 2.25 times their memory while they are moved. Copies, also in another process, do not
    share memory. Threads may read while one appends; the caller allows one append at a time.

    Args:
        dim: length of a row; 0 while it is not known.
        dtype: of the rows; None is that of the first rows.
    """

    def __init__(self, dim: int, dtype: torch.dtype | None = None) -> None:
        self.dim = dim
        self.dtype = dtype
        self._memory = torch.empty(0, dim, dtype=dtype, device="cpu")
        self._rows = self._memory  # the part in use; replaced last, so that readers see whole rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getstate__(self) -> tuple[Any, ...]:
        # as bytes: PyTorch would share this memory and its spare capacity with the other process
        rows = self._rows
        return self.dim, self.dtype, rows.dtype, rows.view(torch.uint8).numpy().copy()

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.dim, self.dtype, dtype, rows = state
        with torch.inference_mode(False):
            self._memory = torch.empty(len(rows), self.dim, dtype=dtype, device="cpu")
        self._memory.view(torch.uint8).numpy()[:] = rows
        self._rows = self._memory

    def view(self) -> Float[Tensor, "n d"]:
        """Returns all rows without a copy; later appends do not change them."""
        # `data` has its own version counter: autograd would otherwise take an append for a change
        # of an earlier view
        return self._rows.data

    def copy(self) -> Float[Tensor, "n d"]:
        """Returns a copy of all rows."""
        with torch.inference_mode(False), torch.no_grad():
            return self._rows.clone()

    def append(self, rows: Float[Tensor, "k d"]) -> None:
        """Copy rows to the end."""
        if self.dtype is None:
            self.dtype = rows.dtype
        length = len(self)
        end = length + len(rows)
        memory = self._memory
        with torch.inference_mode(False), torch.no_grad():  # the tensors must work in all modes
            if end > len(memory) or memory.dtype != self.dtype:
                capacity = max(end, int(1.25 * len(memory)), _SMALLEST_CAPACITY)
                memory = torch.empty(capacity, self.dim, dtype=self.dtype, device="cpu")
                memory[:length] = self._rows
            memory[length:end] = rows
            self._memory, self._rows = memory, memory[:end]

    def widened(self, dim: int) -> "PointBuffer":
        """Returns a buffer of longer rows, which begin with NaN."""
        wider = PointBuffer(dim, self.dtype)
        if len(self) > 0:
            wider.append(torch.nn.functional.pad(self._rows, (dim - self.dim, 0), value=math.nan))
        return wider

    def forget(self, positions: Sequence[int]) -> None:
        """Replace rows by NaN; earlier views do not change."""
        if not positions:
            return
        with torch.inference_mode(False), torch.no_grad():
            memory = self._memory.clone()
            memory[torch.as_tensor(positions, device="cpu")] = math.nan
            self._memory, self._rows = memory, memory[: len(self)]
