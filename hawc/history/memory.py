"""A history in the memory of one process."""

import copy
from contextlib import AbstractContextManager
from typing import Any, final

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from hawc.arguments import whole_number
from hawc.history.abstract import AbstractHistory, check_length, checked_points
from hawc.history.point_buffer import PointBuffer
from hawc.points import ArrayLike
from hawc.threads import ThreadLock

__all__ = ["MemoryHistory"]


@final
class MemoryHistory(AbstractHistory):
    """A history in the memory of this process, with a `state_dict` for checkpoints.

    All threads of the process may use one object. A copy, also one in another process after
    pickling or a fork, starts with the same points and then grows independently.

    Args:
        dim: number of coordinates of a point, at least 1.
        dtype: of the stored points; None is that of the first batch or of a loaded state.

    Raises:
        ValueError: if `dim` is not a whole number >= 1, or `dtype` not a floating-point type.
    """

    def __init__(self, dim: int, *, dtype: torch.dtype | None = None) -> None:
        dim = whole_number("dim", dim, 1)
        if dtype is not None and not (isinstance(dtype, torch.dtype) and dtype.is_floating_point):
            raise ValueError(
                f"`dtype` must be a floating-point type of torch or None, got {dtype!r}; use "
                "torch.float32, for example."
            )
        self._dtype = dtype
        self._buffer = PointBuffer(dim, dtype)
        self._lock = ThreadLock()

    def __copy__(self) -> "MemoryHistory":
        return copy.deepcopy(self)  # a shared buffer would be overwritten by both

    @property
    def dim(self) -> int:
        return self._buffer.dim

    def __len__(self) -> int:
        return len(self._buffer)

    def points(self) -> Float[Tensor, "n d"]:
        return self._buffer.copy()

    def view(self) -> Float[Tensor, "n d"]:
        return self._buffer.view()

    def append(self, points: Shaped[Tensor, "k d"] | ArrayLike, *, expected_length: int) -> None:
        with self._lock:
            batch = checked_points(points, self.dim, self._buffer.dtype)
            check_length(len(self), expected_length)
            self._buffer.append(batch)

    def exclusive(self) -> AbstractContextManager[None]:
        return self._lock  # other processes cannot reach this memory

    def state_dict(self) -> dict[str, Any]:
        """Returns a copy of the points for a checkpoint."""
        return {"points": self.points()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Replace the points by a copy of those of a `state_dict`.

        Raises:
            ValueError: if they have another dimension or are not finite.
        """
        points = checked_points(state_dict["points"], self.dim, self._dtype, smallest=0)
        buffer = PointBuffer(self.dim, self._dtype)
        if len(points) > 0:  # an empty state does not set the dtype
            buffer.append(points)
        with self._lock:
            self._buffer = buffer
