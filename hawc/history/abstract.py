"""The interface of histories, and the checks of their points."""

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from typing import Protocol, SupportsIndex, runtime_checkable

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from hawc.arguments import described
from hawc.points import ArrayLike, as_points

__all__ = [
    "MAX_CANDIDATES",
    "AbstractHistory",
    "HistoryConflictError",
    "HistoryStoreError",
    "Recorded",
    "check_dimension",
    "check_length",
    "check_recorded",
    "checked_points",
]


MAX_CANDIDATES = 4096
"""A history keeps the features of so many candidates; later ones are ignored."""


class HistoryConflictError(RuntimeError):
    """Another thread or process has appended since the points were read; choose again."""


class HistoryStoreError(RuntimeError):
    """The store of a history cannot be reached, read or written; the message says why."""


@runtime_checkable  # for the checks of annotations in tests; isinstance is not used
class Recorded(Protocol):
    """The description of a history's points: `dim`, and a `repr` that identifies it."""

    @property
    def dim(self) -> int:
        """The number of coordinates of a point."""
        ...


class AbstractHistory(ABC):
    """Points in the order of sampling; none is ever changed or moved.

    Some histories can forget a point; its numbers are NaN then. For images, a row is a latent
    followed by the `num_features` features of its image. The latent is NaN for an image that was
    made elsewhere.

    Appending is optimistic. The caller passes the number of points that it chose against, and a
    conflict is raised if the history has grown since. Several threads or processes may therefore
    share one history without repeating each other.
    """

    @property
    @abstractmethod
    def dim(self) -> int:
        """The number of coordinates of a point."""

    @property
    def target(self) -> str | None:
        """The `repr` of the target of these points; None if the history records none."""
        return None

    @property
    def num_features(self) -> int:
        """How many numbers of a row, the last ones, are features; 0 if rows are points."""
        return 0

    def bind(self, rows: Recorded) -> None:
        """Check that the history holds such rows; one without a dimension takes theirs.

        Args:
            rows: describes them, as a target or `hawc.samplers.LatentsWithFeatures`.

        Raises:
            ValueError: if the history holds rows of another dimension or distribution.
        """
        check_recorded("rows", rows)
        check_dimension(self.dim, rows)
        if self.target not in (None, repr(rows)):
            raise ValueError(
                f"`history` must be a gallery of {rows}, got {self} of {self.target}; name another "
                "gallery."
            )

    def candidates(self) -> Float[Tensor, "m f"]:
        """Returns the features of candidates seen so far, i.i.d. samples of a generator.

        They are from all processes that share the history. There are none by default.
        """
        return torch.empty(0, self.num_features, device="cpu")

    def add_candidates(self, features: Shaped[Tensor, "m f"] | ArrayLike) -> None:  # noqa: B027  a default
        """Keep the features of further candidates, up to `MAX_CANDIDATES` in all.

        By default nothing is kept.
        """

    def features_elsewhere(self) -> Float[Tensor, "m f"]:
        """Returns the features of images under other conditions of the same gallery.

        There are none by default.
        """
        return torch.empty(0, self.num_features, device="cpu")

    @abstractmethod
    def __len__(self) -> int:
        """Returns the number of points."""

    @abstractmethod
    def points(self) -> Float[Tensor, "n d"]:
        """Returns a copy of all points, oldest first, on the CPU."""

    def view(self) -> Float[Tensor, "n d"]:
        """Returns all points, oldest first, on the CPU, without a copy if possible.

        The result may share the history's memory: do not write to it. It does not change when the
        history grows. Samplers use it, since a copy of a long history would take a twentieth of
        their time.
        """
        return self.points()

    @abstractmethod
    def append(self, points: Shaped[Tensor, "k d"] | ArrayLike, *, expected_length: int) -> None:
        """Record a batch, completely or not at all.

        Args:
            points: finite real numbers, k >= 1 rows; copied in the history's dtype.
            expected_length: number of points that the caller chose against.

        Raises:
            ValueError: if the points have another shape or kind or are not finite.
            HistoryConflictError: if the history now holds another number of points.
        """

    @abstractmethod
    def exclusive(self) -> AbstractContextManager[None]:
        """Returns a context in which other threads and processes wait to append.

        Used after repeated conflicts, so that a slow sampler is not starved. Points appended in the
        context are visible to others when it ends, or earlier. The thread that holds it may enter
        it again.
        """


def check_recorded(name: str, value: object) -> None:
    """Raise ValueError unless `value` has a number `dim`, unlike tensors and classes."""
    if not isinstance(getattr(value, "dim", None), SupportsIndex):
        raise ValueError(
            f"`{name}` must be a target, with a number `dim`, got {described(value)}; wrap the "
            "points: hawc.Empirical(points)."
        )


def check_dimension(dim: int, rows: Recorded) -> None:
    """Raise ValueError unless rows have as many numbers as those of a history."""
    if dim != rows.dim:
        raise ValueError(
            f"`history` must hold points of dimension {rows.dim} for {rows}, got dimension {dim}; "
            "create it with that dimension or target."
        )


def checked_points(
    points: Shaped[Tensor, "k d"] | ArrayLike,
    dim: int | None,
    dtype: torch.dtype | None = None,
    smallest: int = 1,
    name: str = "points",
) -> Float[Tensor, "k d"]:
    """Returns the points on the CPU, detached, in `dtype` unless that is None.

    Raises:
        ValueError: if they are not at least `smallest` rows of `dim` finite real numbers.
    """
    checked = as_points(name, points, dim=dim, smallest=smallest).detach()
    if checked.is_meta:
        raise ValueError(
            f"`{name}` must hold numbers, got a tensor on the device meta, which has none."
        )
    checked = checked.cpu()
    if dtype is not None:
        checked = checked.to(dtype)  # before the next check, since it may overflow
    if not checked.isfinite().all():
        raise ValueError(f"`{name}` must be finite in {checked.dtype}, got NaN or infinite values.")
    return checked


def check_length(present: int, expected: int) -> None:
    """Raise HistoryConflictError unless the history has the expected length."""
    if present != expected:
        raise HistoryConflictError(
            f"the history holds {present} points where {expected} were expected; "
            "choose again against its present points."
        )
