"""What every history offers, and what it asks of the points that it is given."""

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = [
    "AbstractHistory",
    "HistoryConflictError",
    "HistoryStoreError",
    "check_length",
    "checked_points",
]


class HistoryConflictError(RuntimeError):
    """Somebody else appended since the points were read: read again, choose again."""


class HistoryStoreError(RuntimeError):
    """The store behind a history cannot be reached, read or written; the message says why."""


class AbstractHistory(ABC):
    """Points in the order in which they were drawn; none is ever changed or taken away.

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
        """Returns all points, oldest first, on the CPU.

        They are the history's own, not a copy: read them, never write to them. What was returned
        earlier stays as it was when the history grows.
        """

    @abstractmethod
    def append(self, points: Float[Tensor, "k d"], *, expected_length: int) -> None:
        """Records a batch, all of it or nothing.

        Args:
            points: (k, dim), finite, k >= 1; cast to the history's dtype.
            expected_length: number of points that the caller chose against.

        Raises:
            ValueError: if the points have another shape or kind or are not finite.
            HistoryConflictError: if the history holds another number of points by now.
        """

    @abstractmethod
    def exclusive(self) -> AbstractContextManager[None]:
        """Returns a context in which nobody else appends: a choice made there is not too late.

        For who has lost several races: the slowest of many might never win one. What is appended
        within, once, is seen by others when the context is left.
        """


def checked_points(
    points: Float[Tensor, "k d"], dim: int, dtype: torch.dtype | None = None, smallest: int = 1
) -> Float[Tensor, "k d"]:
    """Returns the points without gradient on the CPU, in `dtype` unless that is None.

    Raises:
        ValueError: if they are not at least `smallest` rows of `dim` finite real numbers.
    """
    if points.ndim != 2 or points.shape[1] != dim or len(points) < smallest:
        raise ValueError(
            f"`points` must have shape (k, {dim}) with k >= {smallest}, got {tuple(points.shape)}."
        )
    if not points.is_floating_point():
        raise ValueError(f"`points` must be floating-point numbers, got {points.dtype}.")
    points = points.detach().cpu()
    if dtype is not None:
        points = points.to(dtype)  # may overflow, so before the next check
    if not points.isfinite().all():
        raise ValueError(f"`points` must be finite in {points.dtype}, got NaN or infinite values.")
    return points


def check_length(present: int, expected: int) -> None:
    """Raises HistoryConflictError unless the history holds as many points as were expected."""
    if present != expected:
        raise HistoryConflictError(
            f"the history holds {present} points where {expected} were expected; "
            "choose again against its present points."
        )
