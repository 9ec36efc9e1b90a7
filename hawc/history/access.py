"""Connections to one gallery: one for each call, or the one of the thread that excludes others."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import final

from sqlalchemy import Connection

from hawc.history.store import Store
from hawc.threads import ThreadLock

__all__ = ["GalleryAccess"]


@final
@dataclass(frozen=True)
class _Held:
    holder: tuple[int, int]
    connection: Connection
    committed: int


@final
class GalleryAccess:
    """Where a gallery is read and written, within `exclusive` through one transaction.

    Args:
        store: that holds the gallery.
        gallery: the gallery's key, by which writers of other processes wait.
        end: returns the number of the gallery's points that a connection sees.
    """

    def __init__(self, store: Store, gallery: int, end: Callable[[Connection], int]) -> None:
        self.turn = ThreadLock()  # of those that append
        self._store = store
        self._gallery = gallery
        self._end = end
        self._held: _Held | None = None

    @property
    def committed(self) -> int | None:
        """Points before this thread's `exclusive`, later ones may be rolled back; else None."""
        own = self._own()
        return None if own is None else own.committed

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Yields a connection that reads, and sees what this thread has appended in `exclusive`."""
        own = self._own()
        if own is not None:
            yield own.connection
            return
        with self._store.reading() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Yields the connection that is exclusive already, or one after waiting for others."""
        with self.turn:
            own = self._own()
            if own is not None:
                yield own.connection
                return
            with self._store.writing() as connection:
                self._store.lock(connection, self._gallery)
                yield connection

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Makes other threads and processes that write wait; this thread may enter it again."""
        with self.writing() as connection:
            outer = self._held
            if self._own() is None:
                self._held = _Held(_this_thread(), connection, self._end(connection))
            try:
                yield
            finally:
                self._held = outer

    def _own(self) -> _Held | None:
        """Returns what this thread holds; a fork must not use its parent's connection."""
        held = self._held
        return held if held is not None and held.holder == _this_thread() else None


def _this_thread() -> tuple[int, int]:
    return os.getpid(), threading.get_ident()
