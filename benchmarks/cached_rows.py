"""A function of single rows whose values are kept in files, for functions that take long."""

import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import final

import numpy as np
import torch
from torch import Tensor

__all__ = ["KeptRows"]


@final
class KeptRows:
    """Computes a function row by row, each row once; values are found again by the row's bytes.

    One row at a time, since a network may round otherwise in a batch.

    Args:
        function: (n, ...) to (n, ...), deterministic, each row by itself.
        folder: of the values; what makes another function of it has to be in the name.
    """

    def __init__(self, function: Callable[[Tensor], Tensor], folder: Path) -> None:
        self._function = function
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.rows = 0  # asked for, kept ones too
        self.seconds = 0.0

    def __call__(self, rows: Tensor) -> Tensor:
        """Returns the values of all rows, one below the other."""
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
        partial.replace(path)  # whole or not there
        return value
