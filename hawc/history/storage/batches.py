"""Batches of rows in the database: as bytes with checksums."""

import hashlib
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, final

import numpy as np
import torch
from jaxtyping import Float
from sqlalchemy import ColumnElement, Connection, Select, func, insert, select, true
from torch import Tensor

from hawc.history.abstract import HistoryStoreError
from hawc.history.storage.cells import check_present
from hawc.history.storage.tables import BATCHES

__all__ = ["DTYPES", "Batches"]

DTYPES = {"float32": torch.float32, "float64": torch.float64}

_ROW_BYTES = 2**22  # larger batches take several rows, within the limits of databases and memory
_ROWS_AT_ONCE = 16
_SEQUENCES_AT_ONCE = 200
_ABSENT_BYTES = 2**29  # of absent latents in memory, whatever is stored; and for each stored byte:
_ABSENT_PER_BYTE = 1024
_READ = [BATCHES.c[name] for name in ("gallery_id", "first", "size", "points", "checksum")]


@final
@dataclass(frozen=True)
class Batches:
    """The batches of one sequence of rows.

    Args:
        key: of the sequence, in `hawc_galleries`.
        dim: numbers of a row.
        num_features: how many of them, the last ones, are features. Where there are more numbers,
            a batch may hold the features alone.
        dtype_name: "float32" or "float64".
        place: names the sequence in messages, as "gallery 'default' at sqlite:///gallery.db".
    """

    key: int
    dim: int
    num_features: int
    dtype_name: str
    place: str

    @property
    def dtype(self) -> torch.dtype:
        """The dtype of the rows."""
        return DTYPES[self.dtype_name]

    def length(self, connection: Connection) -> int:
        """Returns the number of rows, which is where the latest batch ends."""
        return max(0, int(connection.execute(self.end()).scalar() or 0))

    def end(self) -> Select[Any]:
        """Returns a query of where the latest batch ends, without a row if there is none."""
        batches = select(BATCHES.c.first + BATCHES.c.size).where(BATCHES.c.gallery_id == self.key)
        return batches.order_by(BATCHES.c.first.desc()).limit(1)

    def read(self, connection: Connection, first: int) -> Iterator[Float[Tensor, "k w"]]:
        """Yields the batches from row `first` on, where a batch must begin, as they are stored.

        Raises:
            HistoryStoreError: if they have gaps, another checksum, or numbers that are not finite.
        """
        new = select(*_READ).where(BATCHES.c.gallery_id == self.key, _is_from(first))
        ordered = new.order_by(BATCHES.c.first)
        for _, *row in connection.execute(ordered, execution_options={"yield_per": _ROWS_AT_ONCE}):
            batch = self._decoded(first, *row)
            yield batch
            first += len(batch)

    @staticmethod
    def read_all(
        connection: Connection, sequences: Sequence["Batches"]
    ) -> Iterator[tuple[int, Float[Tensor, "k w"]]]:
        """Yields (key, batch) of each batch of several sequences, by few queries.

        Raises:
            HistoryStoreError: as `read`.
        """
        for start in range(0, len(sequences), _SEQUENCES_AT_ONCE):
            some = {batches.key: batches for batches in sequences[start:][:_SEQUENCES_AT_ONCE]}
            lengths = dict.fromkeys(some, 0)
            query = select(*_READ).where(BATCHES.c.gallery_id.in_(some))
            ordered = query.order_by(BATCHES.c.gallery_id, BATCHES.c.first)
            rows = connection.execute(ordered, execution_options={"yield_per": _ROWS_AT_ONCE})
            for key, *row in rows:
                batch = some[key]._decoded(lengths[key], *row)
                yield key, batch
                lengths[key] += len(batch)

    def check_places(self, connection: Connection, first: int, end: int) -> None:
        """Raise HistoryStoreError unless batches follow each other from row `first` to `end`."""
        stored = func.length(BATCHES.c.points)
        query = select(BATCHES.c.first, BATCHES.c.size, stored).where(
            BATCHES.c.gallery_id == self.key, _is_from(first), BATCHES.c.first < end
        )
        ordered = query.order_by(BATCHES.c.first)
        rows = connection.execute(ordered, execution_options={"yield_per": 1000})
        for begin, size, num_bytes in rows:
            check_present(first=begin, size=size)
            if begin != first or not 1 <= size <= num_bytes // self._stored_type.itemsize:
                end = -1  # also where the batch that does not follow ends at `end`
                break
            first += size
        if first != end:
            raise HistoryStoreError(
                f"{self.place} is damaged: its batches do not follow each other after {first} "
                "points. Restore the store from a copy or an export."
            )

    def label_at(self, connection: Connection, first: int) -> str | None:
        """Returns the label of the batch that begins at row `first`, None if it has none."""
        labels = select(BATCHES.c.label).where(BATCHES.c.gallery_id == self.key)
        return connection.execute(labels.where(BATCHES.c.first == first)).scalar()

    def created(self, connection: Connection, positions: range) -> list[datetime]:
        """Returns the time at which each of these rows was recorded."""
        columns = (BATCHES.c[name] for name in ("first", "size", "created"))
        query = select(*columns).where(BATCHES.c.gallery_id == self.key)
        before = query.where(BATCHES.c.first <= positions.start).order_by(BATCHES.c.first.desc())
        inside = query.where(
            BATCHES.c.first > positions.start, BATCHES.c.first < positions.stop
        ).order_by(BATCHES.c.first)
        times: list[datetime] = []
        for row in (*connection.execute(before.limit(1)), *connection.execute(inside)):
            check_present(first=row.first, size=row.size, created=row.created)
            overlap = min(row.first + row.size, positions.stop) - max(row.first, positions.start)
            times += [_in_utc(row.created)] * overlap
        return times

    def insert(
        self,
        connection: Connection,
        batch: Float[Tensor, "k w"],
        first: int,
        label: str | None = None,
    ) -> None:
        """Insert whole rows, or features alone, as the batch after `first` rows.

        Raises:
            HistoryStoreError: if a number is not finite.
        """
        self._check_finite(batch.numpy(), first)
        at_once = max(1, _ROW_BYTES // (batch.shape[1] * batch.element_size()))
        for rows in torch.split(batch, at_once):
            data = rows.contiguous().numpy().astype(self._stored_type).tobytes()
            values = {
                "gallery_id": self.key,
                "first": first,
                "size": len(rows),
                "label": label,
                "points": data,
                "checksum": hashlib.sha256(data).hexdigest(),
            }
            connection.execute(insert(BATCHES).values(values))
            first += len(rows)

    def whole(self, batch: Float[Tensor, "k w"]) -> Float[Tensor, "k d"]:
        """Returns rows with NaN in place of latents that they lack."""
        absent = self.dim - batch.shape[1]
        return torch.nn.functional.pad(batch, (absent, 0), value=math.nan) if absent else batch

    def all_whole(self, batches: Iterable[Float[Tensor, "k w"]]) -> Iterator[Float[Tensor, "k d"]]:
        """Yields `whole` of each batch.

        Raises:
            HistoryStoreError: if the absent latents would take far more memory than what is stored.
        """
        stored = absent = 0
        for batch in batches:
            stored += batch.nbytes
            absent += len(batch) * (self.dim - batch.shape[1]) * batch.element_size()
            self._check_absent(absent, stored)
            yield self.whole(batch)

    def check_growth(self, length: int, batch: Float[Tensor, "k w"]) -> None:
        """Raise HistoryStoreError if `all_whole` could refuse `length` such rows."""
        stored = length * batch.shape[1] * batch.element_size()
        self._check_absent(length * self.dim * batch.element_size() - stored, stored)

    def _check_absent(self, absent: int, stored: int) -> None:
        if absent > _ABSENT_BYTES + _ABSENT_PER_BYTE * stored:
            raise HistoryStoreError(
                f"{self.place} is refused: latents that its rows lack would take {absent:,} bytes "
                f"of memory, for {stored:,} stored ones. Record features alone in a gallery of "
                "features."
            )

    @property
    def _stored_type(self) -> np.dtype[Any]:
        return np.dtype(self.dtype_name).newbyteorder("<")  # the same on every machine

    def _decoded(
        self, length: int, first: int, size: int, data: bytes, checksum: str
    ) -> Float[Tensor, "k w"]:
        check_present(first=first, size=size, points=data, checksum=checksum)
        is_whole = first == length and hashlib.sha256(data).hexdigest() == checksum
        width = len(data) / max(size * self._stored_type.itemsize, 1)
        if is_whole and width > self.dim == self.num_features:
            raise HistoryStoreError(
                f"{self.place} held features alone, and another process has given its rows "
                "latents: open it again."
            )
        if not is_whole or width not in (self.dim, self.num_features or self.dim):
            raise HistoryStoreError(
                f"points {first} to {first + size - 1} of {self.place} are damaged: {len(data)} "
                f"bytes after {length} points do not have the recorded place, size or checksum. "
                "Restore the store from a copy or an export."
            )
        stored = np.frombuffer(data, self._stored_type)
        native = stored.astype(stored.dtype.newbyteorder("="))  # a writable copy
        self._check_finite(native, first)
        return torch.from_numpy(native).reshape(size, -1)

    def _check_finite(self, numbers: np.ndarray, first: int) -> None:
        """Raise HistoryStoreError unless all numbers are finite, as in each stored batch.

        Absent latents are not stored, and a note says that a row is forgotten.
        """
        if not np.isfinite(numbers).all():
            raise HistoryStoreError(
                f"the batch at point {first} of {self.place} has numbers that are not finite. "
                "Restore the store from a copy or an export."
            )


def _is_from(first: int) -> ColumnElement[bool]:
    """Returns a condition for the batches from row `first` on; no batch may begin below 0."""
    return BATCHES.c.first >= first if first else true()


def _in_utc(time: datetime) -> datetime:
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time  # SQLite stores no time zone
