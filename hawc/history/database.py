"""A history that outlives the process and is shared by many, in SQLite or PostgreSQL."""

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
    check_length,
    checked_points,
)
from hawc.history.access import GalleryAccess
from hawc.history.galleries import DTYPES, Recorded, open_gallery
from hawc.history.point_buffer import PointBuffer
from hawc.history.store import Store, StoreURL
from hawc.history.store_errors import is_taken
from hawc.history.tables import BATCHES
from hawc.points import ArrayLike
from hawc.threads import ThreadLock

__all__ = ["DatabaseHistory"]

_ROW_BYTES = 2**22  # a larger batch takes several rows: memory stays bounded, no limit is met
_ROWS_AT_ONCE = 16


@final
class DatabaseHistory(AbstractHistory):
    """A named gallery of points in a database; every append is durable and seen by all.

    Points are only ever added. Each batch is one transaction, so a process killed at any instant
    leaves whole batches; each row has a checksum. Points once read are kept in memory and only new
    ones are fetched, so `points()` costs little however long the history is.

    No connection is held between calls: nothing has to be closed, and an object may cross a fork,
    best while no other thread is within a call. All threads of a process may use one object. A
    copy, also one in another process, is opened anew from its arguments; pickled they hold the
    URL's password.

    SQLite needs a disk of this machine: locks of network file systems are often wrong. For several
    machines take PostgreSQL (pip install 'hawc[postgresql]').

    Args:
        url: of SQLAlchemy's form, 'sqlite:///gallery.db' (a relative path; four slashes begin an
            absolute one) or 'postgresql+psycopg://user:password@host/database'; or the path of a
            SQLite file. Options are `?timeout=` in seconds, `mode=ro` and SQLite's others, or those
            of libpq.
        target: the distribution that the gallery's points are drawn to. Its dimension and its
            `repr` are recorded when the gallery is created and must be the same ever after.
        gallery: name of the gallery, created if the store lacks it; 1 to 100 printable characters.
        dtype: torch.float32 or torch.float64, in which points are kept; None for the recorded one,
            or torch's default dtype when the gallery is created.

    Raises:
        ValueError: if an argument is out of its range or not what the gallery was created with.
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
        self._access = GalleryAccess(self._store, self._id, self._end)
        self._reading = ThreadLock()  # of those that add to the buffer, for moments only
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
        """What tells this gallery from all others, also from those of its name elsewhere."""
        return self._identity

    @property
    def location(self) -> str:
        """The store's URL, a file's path made absolute, without password and options."""
        return str(self._store)

    @property
    def target(self) -> str:
        """The distribution that the gallery was created for, as it describes itself."""
        return self._target

    def __len__(self) -> int:
        with self._access.reading() as connection:
            return self._end(connection)

    def points(self) -> Float[Tensor, "n d"]:
        view = self.view()
        with torch.inference_mode(False), torch.no_grad():
            return view.clone()

    def view(self) -> Float[Tensor, "n d"]:
        with self._reading, self._access.reading() as connection:
            end = self._end(connection)
            if end < len(self._buffer):
                raise HistoryStoreError(
                    f"{self} holds {end} points where {len(self._buffer)} have been there before: "
                    "the store was replaced; open it anew."
                )
            uncommitted = self._fetch(connection) if end > len(self._buffer) else []
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
        """Records a batch, all of it or nothing.

        Args:
            points: (k, dim) real numbers, finite, k >= 1; copied in the gallery's dtype.
            expected_length: number of points that the caller chose against.
            label: what `label_at` is to return for the batch, at most 100 characters. By a label
                like no other a process that was stopped while it appended finds out whether the
                batch was recorded.

        Raises:
            ValueError: if the points have another shape or kind or are not finite, or the label is
                too long.
            HistoryConflictError: if the history holds another number of points by now.
            HistoryStoreError: if the store cannot be written; the message says why.
        """
        if label is not None and len(label) > 100:
            raise ValueError(f"`label` must have at most 100 characters, got {len(label)}.")
        batch = checked_points(points, self.dim, self._buffer.dtype)
        with self._access.writing() as connection:
            # A length that was right a moment ago is enough: if it no longer is, then another
            # writer's row begins just there, and the first insertion meets its key. So no isolation
            # beyond the key is asked of the database.
            check_length(self._end(connection), expected_length)
            try:
                self._insert(connection, batch, expected_length, label)
            except IntegrityError as error:
                if not is_taken(error):
                    raise
                raise HistoryConflictError(
                    f"another process appended to the history at {expected_length} points just "
                    "now; choose again against its present points."
                ) from error
        self._remember(batch, expected_length)

    def _remember(self, batch: Float[Tensor, "k d"], first: int) -> None:
        """Keeps a batch that is recorded, where no other thread has read it meanwhile."""
        with self._access.turn, self._reading:
            # within `exclusive` the batch may still be rolled back
            if self._access.committed is None and len(self._buffer) == first:
                self._buffer.append(batch)

    def exclusive(self) -> AbstractContextManager[None]:
        return self._access.exclusive()

    def label_at(self, first: int) -> str | None:
        """Returns the label of the batch that begins after `first` points, None without either."""
        own = select(BATCHES.c.label).where(BATCHES.c.gallery_id == self._id)
        with self._access.reading() as connection:
            return connection.execute(own.where(BATCHES.c.first == first)).scalar()

    def check_writable(self) -> None:
        """Raises HistoryStoreError where the store could not be written at present."""
        with self._access.writing() as connection, connection.begin_nested() as trial:
            zeros = torch.zeros(1, self.dim, dtype=self._buffer.dtype, device="cpu")
            self._insert(connection, zeros, first=-1)
            trial.rollback()

    def _end(self, connection: Connection) -> int:
        """Returns where the latest batch ends."""
        own = select(BATCHES.c.first, BATCHES.c.size).where(BATCHES.c.gallery_id == self._id)
        row = connection.execute(own.order_by(BATCHES.c.first.desc()).limit(1)).first()
        return 0 if row is None else int(row.first) + int(row.size)

    def _fetch(self, connection: Connection) -> list[Float[Tensor, "k d"]]:
        """Adds the batches that are not in memory yet, each after a look at its checksum.

        Returns:
            the batches that may still be rolled back, which are not kept in memory.
        """
        committed, length = self._access.committed, len(self._buffer)
        uncommitted: list[Float[Tensor, "k d"]] = []
        columns = (BATCHES.c[name] for name in ("first", "size", "points", "checksum"))
        own = select(*columns).where(BATCHES.c.gallery_id == self._id)
        new = own.where(BATCHES.c.first >= length).order_by(BATCHES.c.first)
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
                f"{self._store} are damaged: {len(data)} bytes that follow {length} "
                "points do not have the recorded place, size or checksum; restore the store from "
                "a copy or an export."
            )
        stored = np.frombuffer(data, self._stored_type)
        native = stored.astype(stored.dtype.newbyteorder("="))  # a copy that may be written to
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
    """Returns the gallery of that identity; a new one in its place would hide that it is lost."""
    store = Store(url)
    if not store.is_missing_file:
        history = DatabaseHistory(url, target, gallery=gallery, dtype=dtype)
        if history.identity == identity:
            return history
    raise HistoryStoreError(
        f"gallery {gallery!r} at {store} is not the one that was copied or sent here: it was moved "
        "or replaced, or this machine has another file there. Open a DatabaseHistory by its URL."
    )
