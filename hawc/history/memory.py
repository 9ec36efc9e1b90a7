"""A history in the memory of one process."""

import copy
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any, final

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from hawc.arguments import whole_number
from hawc.history.abstract import (
    MAX_CANDIDATES,
    Recorded,
    check_dimension,
    check_length,
    check_recorded,
    checked_points,
)
from hawc.history.annotated import AnnotatedHistory
from hawc.history.annotation import Annotation, Note, row_notes
from hawc.history.foreign_rows import check_rows, checked_log
from hawc.history.identity import gives_latents, num_features_of
from hawc.history.point_buffer import PointBuffer
from hawc.history.row_log import RowLog
from hawc.points import ArrayLike, as_points
from hawc.threads import ThreadLock

__all__ = ["MemoryHistory"]


@final
class MemoryHistory(AnnotatedHistory):
    """A history in the memory of this process, with a `state_dict` for checkpoints.

    All threads of the process may use one object. A copy, also one in another process after
    pickling or a fork, starts with the same rows and then grows independently.

    Args:
        dim: number of coordinates of a point, at least 1. None takes it from `bind`, which a
            sampler calls, from the first batch or from a loaded state.
        dtype: of the stored points; None is that of the first batch or of a loaded state.
        num_features: how many coordinates, the last ones, are features; `bind` may tell.

    Raises:
        ValueError: if `dim` is not a whole number >= 1, `dtype` not a floating-point type, or
            `num_features` not a whole number from 0 to `dim`.
    """

    def __init__(
        self, dim: int | None = None, *, dtype: torch.dtype | None = None, num_features: int = 0
    ) -> None:
        dim = 0 if dim is None else whole_number("dim", dim, 1)
        if dtype is not None and not (isinstance(dtype, torch.dtype) and dtype.is_floating_point):
            raise ValueError(
                f"`dtype` must be a floating-point type of torch or None, got {dtype!r}; use "
                "torch.float32, for example."
            )
        self._num_features = whole_number("num_features", num_features, 0)
        if dim and self._num_features > dim:
            raise ValueError(f"`num_features` must be at most `dim`, {dim}, got {num_features}.")
        self._dtype = dtype
        self._buffer = PointBuffer(dim, dtype)
        self._candidates = PointBuffer(0, dtype)
        self._log = RowLog()
        self._lock = ThreadLock()

    def __copy__(self) -> "MemoryHistory":
        return copy.deepcopy(self)  # a shared buffer would be overwritten by both

    @property
    def dim(self) -> int:
        return self._buffer.dim

    @property
    def num_features(self) -> int:
        return self._num_features

    def bind(self, rows: Recorded) -> None:
        check_recorded("rows", rows)
        num_features = num_features_of(rows)
        with self._lock:
            if self.dim == 0:
                self._buffer = PointBuffer(rows.dim, self._buffer.dtype)
            elif gives_latents(self.dim, self._num_features, None, rows):
                self._buffer = self._buffer.widened(rows.dim)
            check_dimension(self.dim, rows)
            if num_features and self._num_features not in (0, num_features):
                raise ValueError(
                    f"`history` must hold rows with {num_features} features for {rows}, got "
                    f"{self._num_features}; create another MemoryHistory."
                )
            self._num_features = num_features or self._num_features

    def __len__(self) -> int:
        return len(self._buffer)

    def points(self) -> Float[Tensor, "n d"]:
        return self._buffer.copy()

    def view(self) -> Float[Tensor, "n d"]:
        return self._buffer.view()

    def append(
        self,
        points: Shaped[Tensor, "k d"] | ArrayLike,
        *,
        expected_length: int,
        metadata: Iterable[Mapping[str, Any]] | Mapping[str, Any] | None = None,
        generator_name: str | None = None,
    ) -> None:
        with self._lock:
            batch = checked_points(points, self.dim or None, self._buffer.dtype)
            notes = row_notes(len(batch), metadata=metadata, generator_name=generator_name)
            if self.dim == 0:
                check_length(0, expected_length)
                if batch.shape[1] < self._num_features:
                    raise ValueError(
                        f"`points` must have at least {self._num_features} coordinates, the "
                        f"features, got {batch.shape[1]}; `add` takes features alone."
                    )
                self._buffer = PointBuffer(batch.shape[1], self._buffer.dtype)
            self._record(batch, expected_length, notes)

    def candidates(self) -> Float[Tensor, "m f"]:
        return self._candidates.view() if self._candidates.dim else super().candidates()

    def add_candidates(self, features: Shaped[Tensor, "m f"] | ArrayLike) -> None:
        with self._lock:
            batch = self._checked_features(features)
            if self._candidates.dim == 0:
                self._candidates = PointBuffer(batch.shape[1], self._buffer.dtype)
            self._candidates.append(batch[: MAX_CANDIDATES - len(self._candidates)])

    def annotations(self, positions: range) -> Mapping[int, Annotation]:
        return self._log.annotations(positions)

    def exclusive(self) -> AbstractContextManager[None]:
        return self._lock  # other processes cannot reach this memory

    def state_dict(self) -> dict[str, Any]:
        """Returns a copy of the rows, and of what is said of them, for a checkpoint."""
        with self._lock:
            return {
                "points": self.points(),
                "num_features": self._num_features,
                "candidates": self.candidates().clone(),
                **self._log.state_dict(),
            }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Replace the rows by a copy of those of a `state_dict`, also one of points alone.

        Raises:
            ValueError: if they have another dimension, or NaN other than in absent latents and
                forgotten rows.
        """
        points = as_points("points", state_dict["points"], dim=self.dim or None, smallest=0)
        points = points.detach().cpu()
        num_features = whole_number("num_features", state_dict.get("num_features", 0), 0)
        num_features = num_features or self._num_features
        if num_features > points.shape[1]:
            raise ValueError(f"`num_features` must be at most {points.shape[1]}, got more.")
        notes = checked_log(state_dict.get("notes", {}), len(points))
        log = RowLog.loaded({"notes": notes}, len(points), datetime.now(UTC))
        points = points if self._dtype is None else points.to(self._dtype)
        check_rows(points, num_features, {*log.forgotten()})
        buffer, candidates = _filled(points, self._dtype), PointBuffer(0, self._dtype)
        given = state_dict.get("candidates")
        if given is not None and len(given) > 0:
            dim = num_features or None
            candidates = _filled(checked_points(given, dim, name="candidates"), self._dtype)
        with self._lock:
            self._buffer, self._log, self._num_features = buffer, log, num_features
            self._candidates = candidates

    @property
    def _stored_dtype(self) -> torch.dtype | None:
        return self._buffer.dtype

    def _record(
        self, batch: Float[Tensor, "k w"], expected_length: int | None, notes: list[Note]
    ) -> range:
        with self._lock:
            first = len(self)
            check_length(first, first if expected_length is None else expected_length)
            absent = self.dim - batch.shape[1]
            self._log.append(notes, datetime.now(UTC))
            self._buffer.append(torch.nn.functional.pad(batch, (absent, 0), value=torch.nan))
            return range(first, first + len(batch))

    def _created(self, positions: range) -> list[datetime]:
        return self._log.created(positions)

    def _note(self, notes: list[tuple[int, Note]]) -> None:
        with self._lock:
            self._log.note(notes)
            self._buffer.forget([position for position, note in notes if "forgotten" in note])


def _filled(rows: Float[Tensor, "n d"], dtype: torch.dtype | None) -> PointBuffer:
    """Returns a buffer of these rows; no rows do not set its dtype."""
    buffer = PointBuffer(rows.shape[1], dtype)
    if len(rows) > 0:
        buffer.append(rows)
    return buffer
