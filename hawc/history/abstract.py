"""What every history offers, and what it asks of the points that it is given."""

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from hawc.points import ArrayLike, as_points

__all__ = [
    "AbstractHistory",
    "HistoryConflictError",
    "HistoryStoreError",
    "check_length",
    "checked_points",
]


class HistoryConflictError(RuntimeError):
    """Another thread or process appended after the points were read; read and choose again."""


class HistoryStoreError(RuntimeError):
    """The store behind a history cannot be reached, read or written; the message says why."""


class AbstractHistory(ABC):
    """Points in the order in which they were drawn; none is ever changed or taken away.

    Appending is optimistic: the caller says how many points it saw when it chose, and is refused if
    there are more by now. So several threads or processes may share one history without repeating
    each other.
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
        """Returns all points, oldest first, on the CPU, as a copy that is the caller's own."""

    def view(self) -> Float[Tensor, "n d"]:
        """Returns all points as `points` does, without a copy where the history can.

        The memory may be the history's own: read it, never write to it. For samplers, to which a
        copy of a long history would cost a twentieth of their time. What was returned earlier
        stays as it was when the history grows.
        """
        return self.points()

    @abstractmethod
    def append(self, points: Shaped[Tensor, "k d"] | ArrayLike, *, expected_length: int) -> None:
        """Records a batch, all of it or nothing.

        Args:
            points: (k, dim) real numbers, finite, k >= 1; copied in the history's dtype.
            expected_length: number of points that the caller chose against.

        Raises:
            ValueError: if the points have another shape or kind or are not finite.
            HistoryConflictError: if the history holds another number of points by now.
        """

    @abstractmethod
    def exclusive(self) -> AbstractContextManager[None]:
        """Returns a context in which no other thread or process appends: they wait.

        For a sampler that has lost several races: the slowest of many might never win one. Others
        see what is appended within when the context is left, at the latest. The thread that holds
        it may enter it again.
        """


def checked_points(
    points: Shaped[Tensor, "k d"] | ArrayLike,
    dim: int,
    dtype: torch.dtype | None = None,
    smallest: int = 1,
) -> Float[Tensor, "k d"]:
    """Returns the points without gradient on the CPU, in `dtype` unless that is None.

    Raises:
        ValueError: if they are not at least `smallest` rows of `dim` finite real numbers.
    """
    checked = as_points("points", points, dim=dim, smallest=smallest).detach()
    if checked.is_meta:
        raise ValueError(
            "`points` must hold numbers, got a tensor on the device meta, without any."
        )
    checked = checked.cpu()
    if dtype is not None:
        checked = checked.to(dtype)  # may overflow, so before the next check
    if not checked.isfinite().all():
        raise ValueError(f"`points` must be finite in {checked.dtype}, got NaN or infinite values.")
    return checked


def check_length(present: int, expected: int) -> None:
    """Raises HistoryConflictError unless the history holds as many points as were expected."""
    if present != expected:
        raise HistoryConflictError(
            f"the history holds {present} points where {expected} were expected; "
            "choose again against its present points."
        )
