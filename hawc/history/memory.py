"""A history that lives in one process: an append-only list that grows by whole batches."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any, final

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.arguments import whole_number
from hawc.history.abstract import AbstractHistory, check_length, checked_points
from hawc.history.point_buffer import PointBuffer

__all__ = ["MemoryHistory"]


@final
class MemoryHistory(AbstractHistory):
    """A history that lives in this process and travels as a `state_dict`.

    Args:
        dim: number of coordinates of a point, at least 1.
        dtype: in which points are kept; None for that of the first batch or of a loaded state.

    Raises:
        ValueError: if `dim` is smaller than 1 or `dtype` is no floating-point type.
    """

    def __init__(self, dim: int, *, dtype: torch.dtype | None = None) -> None:
        dim = whole_number("dim", dim, 1)
        if dtype is not None and not dtype.is_floating_point:
            raise ValueError(f"`dtype` must be a floating-point type or None, got {dtype}.")
        self._dtype = dtype
        self._buffer = PointBuffer(dim, dtype)

    @property
    def dim(self) -> int:
        return self._buffer.dim

    def __len__(self) -> int:
        return len(self._buffer)

    def points(self) -> Float[Tensor, "n d"]:
        return self._buffer.view()

    def append(self, points: Float[Tensor, "k d"], *, expected_length: int) -> None:
        batch = checked_points(points, self.dim, self._buffer.dtype)
        check_length(len(self), expected_length)
        self._buffer.append(batch)

    def exclusive(self) -> AbstractContextManager[None]:
        return nullcontext()  # nobody else can reach this process's memory

    def state_dict(self) -> dict[str, Any]:
        """Returns a copy of the points, to be stored in a checkpoint."""
        return {"points": self.points().clone()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Replaces the points by a copy of those of a `state_dict`.

        Raises:
            ValueError: if they have another dimension or are not finite.
        """
        points = checked_points(state_dict["points"], self.dim, self._dtype, smallest=0)
        buffer = PointBuffer(self.dim, self._dtype)
        if len(points) > 0:  # an empty state does not settle the dtype
            buffer.append(points)
        self._buffer = buffer
