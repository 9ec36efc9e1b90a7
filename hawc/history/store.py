"""A database that histories are kept in: how connections are set up, errors in plain words."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, final

from sqlalchemy import Connection, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError

from hawc.history.abstract import HistoryStoreError
from hawc.history.store_errors import DAMAGED, store_error
from hawc.history.store_url import FilePlace, StoreURL, store_place

__all__ = ["Store", "StoreURL"]

_LOCKS = 0x68617763  # any number that nobody else locks under: "hawc" in ASCII
_CREATION_LOCK = 0  # galleries have the numbers from 1


@final
class Store:
    """A database that is connected to for each piece of work and left at once.

    No connection outlives a call. So a store may cross a fork and serve several threads, nothing
    has to be closed, and many idle processes do not use up a server's connections.

    Args:
        url: SQLAlchemy's, for SQLite (a file) or PostgreSQL, or the path of a SQLite file.

    Raises:
        ValueError: if the URL is not one of these.
        HistoryStoreError: if the driver cannot be loaded.
    """

    def __init__(self, url: StoreURL) -> None:
        self._place = store_place(url)
        self._engine = self._place.engine()
        if self.is_sqlite:
            event.listen(self._engine, "connect", _set_up_sqlite)

    def __str__(self) -> str:
        return str(self._place)

    @property
    def url(self) -> URL:
        """What opens the store in another process, the password included."""
        return self._place.url

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a file rather than a server."""
        return isinstance(self._place, FilePlace)

    @property
    def is_missing_file(self) -> bool:
        """Whether it is a file that is not there."""
        return isinstance(self._place, FilePlace) and not self._place.path.exists()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Yields a connection that reads.

        Raises:
            HistoryStoreError: if the store cannot be read; the message says why.
        """
        with self._connected("read") as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Yields a connection whose work is recorded at the end, all of it or, on errors, nothing.

        Raises:
            HistoryStoreError: if the store cannot be written; the message says why.
        """
        with self._connected("written") as connection, connection.begin():
            if self.is_sqlite:  # takes the lock first: a reader that turns writer may not wait
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection

    def check_file(self) -> None:
        """Looks through a SQLite file: a missing page can look like missing points otherwise.

        Raises:
            HistoryStoreError: if something is damaged.
        """
        if self.is_sqlite:
            with self.reading() as connection:
                found = connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar()
            if found != "ok":
                raise HistoryStoreError(
                    f"the history at {self} cannot be read ({found}): {DAMAGED}."
                )

    def lock(self, connection: Connection, number: int = _CREATION_LOCK) -> None:
        """Makes others wait who lock the same, until the transaction of `connection` has ended.

        Args:
            connection: that writes.
            number: of a gallery to be appended to; the default is for creating tables.
        """
        if not self.is_sqlite:  # SQLite has one writer at a time anyway
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCKS}, {number})")

    @contextmanager
    def _connected(self, done: str) -> Iterator[Connection]:
        connected = False
        try:
            with self._engine.connect() as connection:
                connected = True
                yield connection
        except (SQLAlchemyError, UnicodeDecodeError) as error:  # the latter from damaged text
            failed = f"the history at {self} cannot be {done}"
            if isinstance(self._place, FilePlace) and self.is_missing_file:
                mode = self._place.options["mode"]
                if mode != "rwc":
                    raise HistoryStoreError(
                        f"{failed}: a URL with mode={mode} must name a file that exists, and there "
                        "is none. Correct the path, or leave `mode` out to create the file."
                    ) from error
            secrets = self._place.secrets
            raise store_error(error, failed, secrets=secrets, connected=connected)  # noqa: B904  has its cause


def _set_up_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions begin where we say so, not where Python would
    # EXTRA also syncs the folder once the journal is gone: an append outlives a loss of power
    connection.execute("PRAGMA synchronous = EXTRA")
