"""A cache on disk for slow functions of single rows."""

import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import final

import numpy as np
import torch
from torch import Tensor

__all__ = ["CachedRows"]


@final
class CachedRows:
    """Computes a function row by row and caches values in files by the SHA-256 of the row.

    Rows are computed one at a time, since a network may round differently in a batch.

    Args:
        function: (n, ...) to (n, ...), deterministic and independent for each row.
        folder: of the values; another function, or version of it, needs another folder.
    """

    def __init__(self, function: Callable[[Tensor], Tensor], folder: Path) -> None:
        self._function = function
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.rows = 0  # requested so far, with those of the cache
        self.seconds = 0.0

    def __call__(self, rows: Tensor) -> Tensor:
        """Returns the values of all rows in their order."""
        start = time.perf_counter()
        values = torch.cat([self._value(row[None]) for row in rows])
        self.rows += len(rows)
        self.seconds += time.perf_counter() - start
        return values

    def _value(self, row: Tensor) -> Tensor:
        digest = hashlib.sha256(row.detach().contiguous().numpy().tobytes()).hexdigest()
        path = self._folder / f"{digest[:32]}.npy"
        if path.exists():
            return torch.from_numpy(np.load(path))
        value = self._function(row)
        partial = path.with_suffix(f".{os.getpid()}")
        with partial.open("wb") as file:
            np.save(file, value.numpy())
        partial.replace(path)  # atomic
        return value
