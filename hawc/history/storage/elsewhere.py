"""Features of images under the other conditions of a gallery."""

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import final

from jaxtyping import Float
from sqlalchemy import Connection, func, select
from torch import Tensor

from hawc.history.point_buffer import PointBuffer
from hawc.history.storage.batches import Batches
from hawc.history.storage.notes import Notes
from hawc.history.storage.schema import version_of
from hawc.history.storage.sequences import SAMPLES, Sequence
from hawc.history.storage.store import Store
from hawc.history.storage.stored_rows import StoredRows
from hawc.history.storage.tables import BATCHES, GALLERIES, NOTES, SEQUENCES, VERSION
from hawc.threads import ThreadLock

__all__ = ["Elsewhere"]


@dataclass
class _Read:
    """How much of another sequence was read, and where its rows are in the buffer."""

    newest_batch: int | None = None
    newest_note: int = 0
    length: int = 0
    firsts: list[int] = field(default_factory=list)  # of its batches
    places: list[int] = field(default_factory=list)  # of these batches in the buffer

    def place(self, position: int) -> int:
        batch = bisect_right(self.firsts, position) - 1
        return self.places[batch] + position - self.firsts[batch]


@final
class Elsewhere:
    """The features of a gallery's rows of other conditions; each is read once.

    Args:
        store: holds them.
        rows: of the condition that is left out.
    """

    def __init__(self, store: Store, rows: StoredRows) -> None:
        self._store = store
        self._rows = rows
        self._read: dict[int, _Read] = {}
        self._buffer = PointBuffer(rows.num_features, rows.batches.dtype)
        self._present = self._buffer.view()  # the rows that are not forgotten
        self._lock = ThreadLock()

    def read(self) -> Float[Tensor, "m f"]:
        """Returns the features, read-only."""
        if self._rows.num_features == 0:
            return self._present
        with self._lock, self._rows.access.reading() as connection:
            changed = [other for other in self._others(connection) if self._has_changed(*other)]
            if changed:
                self._fetch(connection, [sequence for sequence, _, _ in changed])
                for other in changed:
                    self._forget(connection, *other)
                features = self._buffer.view()
                self._present = features[~features[:, -1].isnan()]
            return self._present

    def _others(self, connection: Connection) -> list[tuple[Sequence, int | None, int]]:
        """Returns the other sequences, each with its newest batch's first row and note."""
        if version_of(self._store, connection) < VERSION:
            return []
        own, key = self._rows.sequence, GALLERIES.c.id
        batch = select(func.max(BATCHES.c.first)).where(BATCHES.c.gallery_id == key)
        note = select(func.max(NOTES.c.id)).where(NOTES.c.gallery_id == key)
        query = select(
            key, GALLERIES.c.dim, GALLERIES.c.dtype, batch.scalar_subquery(), note.scalar_subquery()
        ).join(SEQUENCES, SEQUENCES.c.gallery_id == key)
        wanted = query.where(
            SEQUENCES.c.gallery == own.gallery,
            SEQUENCES.c.kind == SAMPLES,
            SEQUENCES.c.num_features == self._rows.num_features,
            key != own.id,
        )
        return [self._other(*row) for row in connection.execute(wanted.order_by(key))]

    def _other(
        self, key: int, dim: int, dtype: str, batch: int | None, note: int | None
    ) -> tuple[Sequence, int | None, int]:
        gallery = self._rows.sequence.gallery
        return Sequence(key, "", dim, dtype, "", gallery), batch, note or 0

    def _has_changed(self, other: Sequence, newest_batch: int | None, newest_note: int) -> bool:
        read = self._read.setdefault(other.id, _Read())
        return (newest_batch, newest_note) != (read.newest_batch, read.newest_note)

    def _fetch(self, connection: Connection, changed: list[Sequence]) -> None:
        """Read the new rows of other sequences; all unread sequences at once."""
        place = f"another condition of {self._rows.batches.place}"
        batches = [other.batches(place, self._rows.num_features) for other in changed]
        begun = [other for other in batches if self._read[other.key].length > 0]
        unread = [other for other in batches if self._read[other.key].length == 0]
        for key, batch in Batches.read_all(connection, unread):
            self._append(self._read[key], batch)
        for other in begun:
            read = self._read[other.key]
            for batch in other.read(connection, read.length):
                self._append(read, batch)

    def _append(self, read: _Read, batch: Float[Tensor, "k d"]) -> None:
        read.firsts.append(read.length)
        read.places.append(len(self._buffer))
        read.length += len(batch)
        self._buffer.append(batch[:, -self._rows.num_features :])

    def _forget(
        self, connection: Connection, other: Sequence, newest_batch: int | None, newest_note: int
    ) -> None:
        read = self._read[other.id]
        if newest_note > read.newest_note:
            notes = Notes(other.id).forgotten(
                connection, read.length, read.newest_note, newest_note
            )
            self._buffer.forget([read.place(position) for _, position in notes])
        read.newest_batch, read.newest_note = newest_batch, newest_note
