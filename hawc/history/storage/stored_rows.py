"""The rows of one sequence in a database, of which those read stay in memory."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from typing import Any, final

import torch
from jaxtyping import Float
from sqlalchemy import Connection, Select, func, literal, select
from sqlalchemy.exc import IntegrityError
from torch import Tensor

from hawc.history.abstract import HistoryStoreError, check_length
from hawc.history.annotation import Annotation, Note
from hawc.history.point_buffer import PointBuffer
from hawc.history.storage.access import GalleryAccess
from hawc.history.storage.notes import Notes
from hawc.history.storage.schema import upgrade, version_of
from hawc.history.storage.sequences import Sequence, add_fingerprint, describe_sequence
from hawc.history.storage.store import Store
from hawc.history.storage.store_errors import is_key_conflict
from hawc.history.storage.tables import GALLERIES, VERSION
from hawc.threads import ThreadLock

__all__ = ["StoredRows"]


@final
class StoredRows:
    """Reads, appends and annotates the rows of one sequence.

    Args:
        store: holds them.
        sequence: their record.
        num_features: how many numbers of a row are features.
        place: names the sequence in messages.

    Attributes:
        fingerprint: of the target, to be recorded with the next write; None if there is nothing to
            record.
    """

    def __init__(self, store: Store, sequence: Sequence, num_features: int, place: str) -> None:
        self.sequence = sequence
        self.batches = sequence.batches(place, num_features)
        self.access = GalleryAccess(store, sequence.id, self._state)
        self._store = store
        self._notes = Notes(sequence.id)
        self._buffer = PointBuffer(sequence.dim, self.batches.dtype)
        self._buffer_lock = ThreadLock()  # held for moments only: reading never waits for a choice
        # up to which row batches were seen to follow each other, and within which transaction
        self._contiguous: tuple[object, int] = (None, 0)
        self._newest_note = 0  # up to which the buffer's rows are forgotten
        self._has_notes = False  # whether the store has tables of version 2
        self._is_described = sequence.num_features is not None
        self.fingerprint: str | None = None

    @property
    def num_features(self) -> int:
        """How many numbers of a row are features."""
        return self.batches.num_features

    def __len__(self) -> int:
        with self.access.reading() as connection:
            return self.length(connection)

    def view(self) -> Float[Tensor, "n d"]:
        """Returns all rows; forgotten ones and absent latents are NaN."""
        with self._buffer_lock, self.access.reading() as connection:
            length, newest_note = self._state(connection)
            if length < len(self._buffer):
                raise HistoryStoreError(
                    f"{self.batches.place} holds {length} points, but held {len(self._buffer)} "
                    "before: the store was replaced; open it again."
                )
            uncommitted = self._fetch(connection) if length > len(self._buffer) else []
            present = len(self._buffer) + sum(len(batch) for batch in uncommitted)
            forgotten = self._forget(connection, present, newest_note)
            if not uncommitted and not forgotten:
                return self._buffer.view()
            with torch.inference_mode(False):
                rows = torch.cat([self._buffer.view(), *uncommitted])
                rows[forgotten] = torch.nan
                return rows

    def append(
        self,
        batch: Float[Tensor, "k w"],
        expected_length: int | None,
        label: str | None,
        notes: list[Note],
    ) -> range:
        """Record whole rows, or features alone, with one note per row, which may be empty.

        Raises:
            HistoryConflictError: if there is another number of rows than expected.
            HistoryStoreError: if the database refuses the rows for any other reason.
        """
        first, is_taken = 0, False
        try:
            with self.writing() as connection:
                first = self.length(connection)
                if expected_length is not None:
                    check_length(first, expected_length)
                self.batches.check_growth(first + len(batch), batch)
                try:
                    self.batches.insert(connection, batch, first, label)
                except IntegrityError as error:
                    is_taken = is_key_conflict(error)
                    raise
                positions = range(first, first + len(batch))
                said = zip(positions, notes, strict=True)
                self._notes.insert(connection, [(i, note) for i, note in said if note])
        except HistoryStoreError:
            if is_taken:  # perhaps by a writer that did not wait for the lock
                check_length(len(self), first)
            raise
        self._contiguous = (self.access.committed, positions.stop)
        self._remember(self.batches.whole(batch), first)
        return positions

    def note(self, notes: list[tuple[int, Note]]) -> None:
        """Record notes on rows."""
        with self.writing() as connection:
            self._state(connection)
            self._notes.insert(connection, notes)

    def length(self, connection: Connection) -> int:
        """Returns the number of rows, of which each belongs to one batch.

        Raises:
            HistoryStoreError: if batches are missing or overlap, or the gallery was deleted.
        """
        length = max(0, self._state(connection)[0])
        transaction, seen = self._contiguous
        start = seen if transaction is self.access.committed and seen <= length else 0
        if length > start:
            self.batches.check_places(connection, start, length)
        self._contiguous = (self.access.committed, length)
        return length

    def annotations(self, positions: range) -> Mapping[int, Annotation]:
        """Returns what is said of these rows."""
        with self.access.reading() as connection:
            if not self._finds_notes(connection):
                return {}
            return self._notes.annotations(connection, positions)

    def created(self, positions: range) -> list[datetime]:
        """Returns the time at which each of these rows was recorded."""
        with self.access.reading() as connection:
            return self.batches.created(connection, positions)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Yields a connection to write to; the store has all tables of this version."""
        with self.access.writing() as connection:
            self._describe(connection)
            yield connection
            within_exclusive = self.access.committed is not None
        if not within_exclusive:  # else it may be rolled back
            self._is_described, self.fingerprint = True, None

    def _describe(self, connection: Connection) -> None:
        """Record what a store of version 1 lacks: its tables, features and fingerprint."""
        if not self._is_described:
            upgrade(self._store, connection)
            describe_sequence(connection, self.sequence, self.num_features)
        if self.fingerprint is not None:
            add_fingerprint(connection, self.sequence, self.fingerprint)

    def _state(self, connection: Connection) -> tuple[int, int]:
        """Returns the number of rows and the newest note, both of one instant.

        Raises:
            HistoryStoreError: if the gallery was deleted.
        """
        query = self._state_query if self._finds_notes(connection) else self._first_state_query
        length, note, found = connection.execute(query).one()
        if found != self.sequence.identity:
            raise HistoryStoreError(
                f"{self.batches.place} was deleted from the store since it was opened: open it "
                "again."
            )
        return int(length), int(note)

    @cached_property
    def _state_query(self) -> Select[Any]:
        return self._state_query_with(self._notes.newest().scalar_subquery())

    @cached_property
    def _first_state_query(self) -> Select[Any]:
        """The query for a store of version 1, which has no table of notes."""
        return self._state_query_with(literal(0))

    def _state_query_with(self, newest: Any) -> Select[Any]:
        identity = select(GALLERIES.c.identity).where(GALLERIES.c.id == self.sequence.id)
        return select(
            func.coalesce(self.batches.end().scalar_subquery(), 0),
            func.coalesce(newest, 0),
            identity.scalar_subquery(),
        )

    def _finds_notes(self, connection: Connection) -> bool:
        """Returns whether the store has tables of version 2, as one of version 1 may get."""
        if self._has_notes:
            return True
        found = version_of(self._store, connection) == VERSION
        self._has_notes = found and self.access.committed is None  # else it may be rolled back
        return found

    def _fetch(self, connection: Connection) -> list[Float[Tensor, "k d"]]:
        """Read new batches, check them and add committed ones to the buffer.

        Returns:
            The batches that may still be rolled back; they are not added.
        """
        committed, length = self.access.committed, len(self._buffer)
        uncommitted: list[Float[Tensor, "k d"]] = []
        for batch in self.batches.all_whole(self.batches.read(connection, length)):
            if committed is None or length < committed[0]:
                self._buffer.append(batch)
            else:
                uncommitted.append(batch)
            length += len(batch)
        self._contiguous = (committed, length)
        return uncommitted

    def _forget(self, connection: Connection, length: int, newest: int) -> list[int]:
        """Replace rows in the buffer that were forgotten since.

        Returns:
            The positions whose forgetting may still be rolled back; they are not replaced.
        """
        if newest <= self._newest_note:
            return []
        committed = newest if self.access.committed is None else self.access.committed[1]
        notes = self._notes.forgotten(connection, length, self._newest_note, newest)
        self._buffer.forget([position for number, position in notes if number <= committed])
        self._newest_note = max(self._newest_note, min(newest, committed))
        return [position for number, position in notes if number > committed]

    def _remember(self, batch: Float[Tensor, "k d"], first: int) -> None:
        """Add a recorded batch to the buffer, unless another thread has read it already."""
        with self.access.append_lock, self._buffer_lock:
            # within `exclusive` the batch may still be rolled back
            if self.access.committed is None and len(self._buffer) == first:
                self._buffer.append(batch)
