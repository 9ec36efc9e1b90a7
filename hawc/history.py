"""What was drawn before: an append-only list of points that grows by whole batches."""

from abc import ABC, abstractmethod
from typing import Any, final

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["AbstractHistory", "HistoryConflictError", "MemoryHistory"]


class HistoryConflictError(RuntimeError):
    """Somebody else appended since the points were read: read again, choose again."""


class AbstractHistory(ABC):
    """Points in the order in which they were drawn.

    Appending is optimistic: the caller says how many points it saw when it chose, and is refused if
    there are more by now. So several processes may share one history without repeating each other.
    """

    @property
    @abstractmethod
    def dim(self) -> int:
        """The number of coordinates of a point."""

    @abstractmethod
    def __len__(self) -> int:
        """Returns the number of points."""

    @abstractmethod
    def points(self) -> Float[Tensor, "n d"]:
        """Returns all points, oldest first, on the CPU."""

    @abstractmethod
    def append(self, points: Float[Tensor, "k d"], *, expected_length: int) -> None:
        """Records a batch, all of it or nothing.

        Args:
            points: (k, dim), finite, k >= 1.
            expected_length: number of points that the caller chose against.

        Raises:
            ValueError: if the points have another shape or are not finite.
            HistoryConflictError: if the history holds another number of points by now.
        """


@final
class MemoryHistory(AbstractHistory):
    """A history that lives in this process and travels as a `state_dict`.

    Args:
        dim: number of coordinates of a point, at least 1.

    Raises:
        ValueError: if `dim` is smaller than 1.
    """

    def __init__(self, dim: int) -> None:
        if dim < 1:
            raise ValueError(f"`dim` must be at least 1, got {dim}.")
        self._points = torch.empty(0, dim)

    @property
    def dim(self) -> int:
        return self._points.shape[1]

    def __len__(self) -> int:
        return len(self._points)

    def points(self) -> Float[Tensor, "n d"]:
        return self._points.clone()

    def append(self, points: Float[Tensor, "k d"], *, expected_length: int) -> None:
        batch = _checked_points(points, self.dim)
        if len(self) != expected_length:
            raise HistoryConflictError(
                f"the history holds {len(self)} points where {expected_length} were expected; "
                "choose again against its present points."
            )
        self._points = torch.cat([self._points, batch]) if len(self) else batch.clone()

    def state_dict(self) -> dict[str, Any]:
        """Returns the points, to be stored in a checkpoint."""
        return {"points": self.points()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Replaces the points by those of a `state_dict`.

        Raises:
            ValueError: if they have another dimension or are not finite.
        """
        points: Tensor = state_dict["points"]
        self._points = _checked_points(points, self.dim, smallest=0).clone()


def _checked_points(
    points: Float[Tensor, "k d"], dim: int, smallest: int = 1
) -> Float[Tensor, "k d"]:
    if points.ndim != 2 or points.shape[1] != dim or len(points) < smallest:
        raise ValueError(
            f"`points` must have shape (k, {dim}) with k >= {smallest}, got {tuple(points.shape)}."
        )
    if not points.isfinite().all():
        raise ValueError("`points` must be finite, got NaN or infinite coordinates.")
    return points.detach().cpu()
