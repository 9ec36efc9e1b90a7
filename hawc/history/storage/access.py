"""Connections to a gallery: one per call, or that of an exclusive transaction."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import final

from sqlalchemy import Connection

from hawc.history.storage.store import Store
from hawc.threads import ThreadLock

__all__ = ["GalleryAccess"]


@final
@dataclass(frozen=True)
class _Transaction:
    thread: tuple[int, int]
    connection: Connection
    committed: tuple[int, int]


@final
class GalleryAccess:
    """Reads and writes a gallery; within `exclusive` all share one transaction.

    Args:
        store: holds the gallery.
        gallery: the gallery's key; writers of other processes wait for its lock.
        state: returns how many of the gallery's points a connection sees, and its newest note.
    """

    def __init__(
        self, store: Store, gallery: int, state: Callable[[Connection], tuple[int, int]]
    ) -> None:
        self.append_lock = ThreadLock()
        self._store = store
        self._gallery = gallery
        self._state = state
        self._transaction: _Transaction | None = None

    @property
    def committed(self) -> tuple[int, int] | None:
        """The state before this thread's `exclusive`; None outside of it.

        Later points and notes may still be rolled back.
        """
        transaction = self._current()
        return None if transaction is None else transaction.committed

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Yields a connection to read from, within `exclusive` that of its transaction."""
        transaction = self._current()
        if transaction is not None:
            yield transaction.connection
            return
        with self._store.reading() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Yields a connection to write to, after other writers have ended."""
        with self.append_lock:
            transaction = self._current()
            if transaction is not None:
                yield transaction.connection
                return
            with self._store.writing() as connection:
                self._store.lock(connection, self._gallery)
                yield connection

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Make other writers wait, in threads and processes; this thread may enter again."""
        with self.writing() as connection:
            outer = self._transaction
            if self._current() is None:
                committed = self._state(connection)
                self._transaction = _Transaction(_this_thread(), connection, committed)
            try:
                yield
            finally:
                self._transaction = outer

    def _current(self) -> _Transaction | None:
        """Returns this thread's transaction; a fork must not use its parent's connection."""
        current = self._transaction
        return current if current is not None and current.thread == _this_thread() else None


def _this_thread() -> tuple[int, int]:
    return os.getpid(), threading.get_ident()
