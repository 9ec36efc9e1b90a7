"""A durable history in SQLite or PostgreSQL, shared by processes."""

import hashlib
from contextlib import AbstractContextManager
from typing import Any, final

import numpy as np
import torch
from jaxtyping import Float, Shaped
from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import IntegrityError
from torch import Tensor

from hawc.history.abstract import (
    AbstractHistory,
    HistoryConflictError,
    HistoryStoreError,
    Recorded,
    check_length,
    checked_points,
)
from hawc.history.access import GalleryAccess
from hawc.history.gallery import DTYPES, open_gallery
from hawc.history.point_buffer import PointBuffer
from hawc.history.store import Store, StoreURL
from hawc.history.store_errors import is_key_conflict
from hawc.history.tables import BATCHES
from hawc.points import ArrayLike
from hawc.threads import ThreadLock

__all__ = ["DatabaseHistory"]

_ROW_BYTES = 2**22  # larger batches take several rows, within the limits of databases and memory
_ROWS_AT_ONCE = 16


@final
class DatabaseHistory(AbstractHistory):
    """A named gallery of points in a database, shared by processes and machines.

    Points are only added, and every append is durable. Each batch is one transaction, so a process
    that is killed leaves whole batches. Each row has a checksum. Points that were read stay in
    memory, and later calls fetch only new ones.

    No connection is open between calls, so nothing has to be closed. All threads of a process may
    use one object. It may cross a fork while no other thread is within a call. Copies, also in
    other processes, are opened from the same arguments. A pickled history contains the password of
    its URL.

    SQLite needs a local disk, since locks of network file systems are often unreliable. Use
    PostgreSQL for several machines (pip install 'hawc[postgresql]').

    Args:
        url: in SQLAlchemy's form, 'sqlite:///gallery.db' (a relative path; four slashes begin an
            absolute one) or 'postgresql+psycopg://user:password@host/database'; or the path of a
            SQLite file. Options: `?timeout=` in seconds, `mode=ro` and others of SQLite, or those
            of libpq.
        target: the distribution of the gallery's points. Its dimension and its `repr` are recorded
            when the gallery is created, and must be the same whenever it is opened. For a
            `hawc.FeatureSampler` it is `hawc.samplers.LatentsWithFeatures`.
        gallery: name of the gallery, 1 to 100 printable characters; created if missing.
        dtype: of the stored points, torch.float32 or torch.float64. None is the recorded dtype, or
            torch's default dtype for a new gallery.

    Raises:
        ValueError: if an argument is out of range or differs from the gallery's record.
        HistoryStoreError: if the store cannot be opened; the message says why.
    """

    def __init__(
        self,
        url: StoreURL,
        target: Recorded,
        *,
        gallery: str = "default",
        dtype: torch.dtype | None = None,
    ) -> None:
        self._store = Store(url)
        self._arguments = self._store.url, target, gallery, dtype
        self._gallery = gallery
        self._target = repr(target)
        self._id, dtype_name, self._identity = open_gallery(self._store, gallery, target, dtype)
        self._buffer = PointBuffer(target.dim, DTYPES[dtype_name])
        self._access = GalleryAccess(self._store, self._id, self._length)
        self._buffer_lock = ThreadLock()  # held for moments only: reading never waits for a choice
        self._stored_type = np.dtype(dtype_name).newbyteorder("<")  # the same on every machine

    def __repr__(self) -> str:
        return f"DatabaseHistory({str(self._store)!r}, {self._target}, gallery={self._gallery!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopened, (self._identity, *self._arguments)

    @property
    def dim(self) -> int:
        return self._buffer.dim

    @property
    def gallery(self) -> str:
        """The gallery's name."""
        return self._gallery

    @property
    def identity(self) -> str:
        """A random text that no other gallery has, not even one of the same name."""
        return self._identity

    @property
    def location(self) -> str:
        """The store's URL with an absolute path, without password and options."""
        return str(self._store)

    @property
    def target(self) -> str:
        """The `repr` of the gallery's target distribution."""
        return self._target

    def __len__(self) -> int:
        with self._access.reading() as connection:
            return self._length(connection)

    def points(self) -> Float[Tensor, "n d"]:
        view = self.view()
        with torch.inference_mode(False), torch.no_grad():
            return view.clone()

    def view(self) -> Float[Tensor, "n d"]:
        with self._buffer_lock, self._access.reading() as connection:
            length = self._length(connection)
            if length < len(self._buffer):
                raise HistoryStoreError(
                    f"{self} holds {length} points, but held {len(self._buffer)} before: the store "
                    "was replaced; open it again."
                )
            uncommitted = self._fetch(connection) if length > len(self._buffer) else []
            if not uncommitted:
                return self._buffer.view()
            with torch.inference_mode(False):
                return torch.cat([self._buffer.view(), *uncommitted])

    def append(
        self,
        points: Shaped[Tensor, "k d"] | ArrayLike,
        *,
        expected_length: int,
        label: str | None = None,
    ) -> None:
        """Record a batch, completely or not at all.

        Args:
            points: finite real numbers, k >= 1 rows; copied in the gallery's dtype.
            expected_length: number of points that the caller chose against.
            label: returned by `label_at` for this batch, at most 100 characters. A unique label
                tells a process that was stopped while appending whether the batch was recorded.

        Raises:
            ValueError: if the points have another shape or kind or are not finite, or the label is
                too long.
            HistoryConflictError: if the history now holds another number of points.
            HistoryStoreError: if the store cannot be written; the message says why.
        """
        if label is not None and len(label) > 100:
            raise ValueError(f"`label` must have at most 100 characters, got {len(label)}.")
        batch = checked_points(points, self.dim, self._buffer.dtype)
        with self._access.writing() as connection:
            # The length may change after this check. Then another writer's row has the key of our
            # first row, and the insertion fails. No isolation beyond the key is needed.
            check_length(self._length(connection), expected_length)
            try:
                self._insert(connection, batch, expected_length, label)
            except IntegrityError as error:
                if not is_key_conflict(error):
                    raise
                raise HistoryConflictError(
                    f"another process has just appended to the history of {expected_length} points;"
                    " choose again against its present points."
                ) from error
        self._remember(batch, expected_length)

    def _remember(self, batch: Float[Tensor, "k d"], first: int) -> None:
        """Add a recorded batch to the buffer, unless another thread has read it already."""
        with self._access.append_lock, self._buffer_lock:
            # within `exclusive` the batch may still be rolled back
            if self._access.committed is None and len(self._buffer) == first:
                self._buffer.append(batch)

    def exclusive(self) -> AbstractContextManager[None]:
        return self._access.exclusive()

    def label_at(self, first: int) -> str | None:
        """Returns the label of the batch after `first` points, None if it has none."""
        labels = select(BATCHES.c.label).where(BATCHES.c.gallery_id == self._id)
        with self._access.reading() as connection:
            return connection.execute(labels.where(BATCHES.c.first == first)).scalar()

    def check_writable(self) -> None:
        """Raise HistoryStoreError if the store cannot be written now."""
        with self._access.writing() as connection, connection.begin_nested() as trial:
            zeros = torch.zeros(1, self.dim, dtype=self._buffer.dtype, device="cpu")
            self._insert(connection, zeros, first=-1)
            trial.rollback()

    def _length(self, connection: Connection) -> int:
        """Returns the number of points, which is where the latest batch ends."""
        batches = select(BATCHES.c.first, BATCHES.c.size).where(BATCHES.c.gallery_id == self._id)
        row = connection.execute(batches.order_by(BATCHES.c.first.desc()).limit(1)).first()
        return 0 if row is None else int(row.first) + int(row.size)

    def _fetch(self, connection: Connection) -> list[Float[Tensor, "k d"]]:
        """Read new batches, check them and add committed ones to the buffer.

        Returns:
            The batches that may still be rolled back; they are not added.
        """
        committed, length = self._access.committed, len(self._buffer)
        uncommitted: list[Float[Tensor, "k d"]] = []
        columns = (BATCHES.c[name] for name in ("first", "size", "points", "checksum"))
        batches = select(*columns).where(BATCHES.c.gallery_id == self._id)
        new = batches.where(BATCHES.c.first >= length).order_by(BATCHES.c.first)
        for row in connection.execute(new, execution_options={"yield_per": _ROWS_AT_ONCE}):
            batch = self._decoded(length, *row)
            if committed is None or length < committed:
                self._buffer.append(batch)
            else:
                uncommitted.append(batch)
            length += len(batch)
        return uncommitted

    def _decoded(
        self, length: int, first: int, size: int, data: bytes, checksum: str
    ) -> Float[Tensor, "k d"]:
        follows = first == length
        fits = len(data) == size * self.dim * self._stored_type.itemsize
        if not (follows and fits and hashlib.sha256(data).hexdigest() == checksum):
            raise HistoryStoreError(
                f"points {first} to {first + size - 1} of gallery {self._gallery!r} at "
                f"{self._store} are damaged: {len(data)} bytes after {length} points do not have "
                "the recorded place, size or checksum. Restore the store from a copy or an export."
            )
        stored = np.frombuffer(data, self._stored_type)
        native = stored.astype(stored.dtype.newbyteorder("="))  # a writable copy
        return torch.from_numpy(native).reshape(size, self.dim)

    def _insert(
        self,
        connection: Connection,
        batch: Float[Tensor, "k d"],
        first: int,
        label: str | None = None,
    ) -> None:
        at_once = max(1, _ROW_BYTES // (self.dim * batch.element_size()))
        for rows in torch.split(batch, at_once):
            data = rows.contiguous().numpy().astype(self._stored_type).tobytes()
            values = {
                "gallery_id": self._id,
                "first": first,
                "size": len(rows),
                "label": label,
                "points": data,
                "checksum": hashlib.sha256(data).hexdigest(),
            }
            connection.execute(insert(BATCHES).values(values))
            first += len(rows)


def _reopened(
    identity: str, url: StoreURL, target: Recorded, gallery: str, dtype: torch.dtype | None
) -> DatabaseHistory:
    """Returns the gallery with this identity; creating another would hide a loss."""
    store = Store(url)
    if not store.is_missing_file:
        history = DatabaseHistory(url, target, gallery=gallery, dtype=dtype)
        if history.identity == identity:
            return history
    raise HistoryStoreError(
        f"gallery {gallery!r} at {store} is not the one that was copied or sent here: it was moved "
        "or replaced, or this machine has another file there. Open a DatabaseHistory by its URL."
    )
