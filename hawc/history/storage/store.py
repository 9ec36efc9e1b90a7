"""The database of histories: its connections, transactions and locks."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from typing import Any, final

from sqlalchemy import Connection, event, inspect
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError

from hawc.history.abstract import HistoryStoreError
from hawc.history.storage.cells import DamagedCellError
from hawc.history.storage.plain_tables import other_tables, problem_of_tables
from hawc.history.storage.store_errors import DAMAGED, store_error
from hawc.history.storage.store_url import FilePlace, StoreURL, store_place
from hawc.history.storage.tables import METADATA
from hawc.printable import shortened

__all__ = ["Store", "StoreURL"]

_LOCKS = 0x68617763  # "hawc" in ASCII: keeps advisory locks of other programs distinct
_CREATION_LOCK = 0  # galleries are numbered from 1


@final
class Store:
    """A database with one connection for each call.

    No connection outlives a call. A store may therefore cross a fork and serve several threads,
    nothing has to be closed, and idle processes use none of a server's connections.

    Args:
        url: SQLAlchemy's, for SQLite (a file) or PostgreSQL, or the path of a SQLite file.

    Raises:
        ValueError: if the URL is not valid.
        HistoryStoreError: if the driver cannot be loaded.
    """

    def __init__(self, url: StoreURL) -> None:
        self._place = store_place(url)
        self._engine = self._place.engine()
        self._is_checked = False
        self._is_plain = False
        if self.is_sqlite:
            event.listen(self._engine, "connect", _set_up_sqlite)

    def __str__(self) -> str:
        return str(self._place)

    @property
    def url(self) -> URL:
        """The URL that opens the store in another process, with its password."""
        return self._place.url

    @property
    def is_sqlite(self) -> bool:
        """Whether the store is a SQLite file."""
        return isinstance(self._place, FilePlace)

    @property
    def is_missing_file(self) -> bool:
        """Whether the store is a file that does not exist."""
        return isinstance(self._place, FilePlace) and not self._place.path.exists()

    def check_creatable(self) -> None:
        """Raise HistoryStoreError if a missing file cannot be created."""
        if not isinstance(self._place, FilePlace) or not self.is_missing_file:
            return
        failure = f"the history at {self} cannot be created"
        self._check_mode(failure)
        folder = self._place.path.parent
        if not folder.is_dir() or not os.access(folder, os.W_OK):
            raise HistoryStoreError(f"{failure}: does its folder exist, and is it writable?")

    def check_no_link(self) -> None:
        """Raise HistoryStoreError if the store is a link, and may be a file of another program."""
        if isinstance(self._place, FilePlace) and self._place.path.is_symlink():
            raise HistoryStoreError(
                f"the history at {self} is a link to a file without galleries, and none is created "
                "there: name that file."
            )

    @property
    def file_name(self) -> str:
        """The name of a SQLite file; "" for a server."""
        return self._place.path.name if isinstance(self._place, FilePlace) else ""

    def neighbors(self) -> list[str]:
        """Returns the names of files in the folder of a SQLite file, at most 1,000."""
        if not isinstance(self._place, FilePlace):
            return []
        with suppress(OSError):
            files = (path.name for path in self._place.path.parent.iterdir() if path.is_file())
            return sorted(islice(files, 1000))
        return []

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Yields a connection to read from.

        Raises:
            HistoryStoreError: if the store cannot be read; the message says why.
        """
        with self._connected("read") as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Yields a connection with a transaction, which is rolled back on an error.

        Raises:
            HistoryStoreError: if the store cannot be written; the message says why.
        """
        with self._connected("written") as connection, connection.begin():
            # a SQLite transaction that reads first would not wait for the lock of another writer
            if self.is_sqlite:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection

    def check_file(self) -> None:
        """Check a whole SQLite file once, since a missing page can look like missing points.

        Raises:
            HistoryStoreError: if the file is damaged.
        """
        if self.is_sqlite and not self._is_checked:
            with self.reading() as connection:
                for place in _checked_parts(connection):
                    check = f"PRAGMA integrity_check({place})"
                    result = str(connection.exec_driver_sql(check).scalar())
                    if result != "ok":
                        raise HistoryStoreError(
                            f"the history at {self} cannot be read ({shortened(result, 200)}): "
                            f"{DAMAGED}."
                        )
            self._is_checked = True

    def lock(self, connection: Connection, number: int = _CREATION_LOCK) -> None:
        """Take a lock until the transaction of `connection` ends; others wait for it.

        Args:
            connection: within a transaction that writes.
            number: of the gallery to append to; the default is for creating tables.
        """
        if not self.is_sqlite:  # SQLite has one writer at a time anyway
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCKS}, {number})")

    @contextmanager
    def _connected(self, action: str) -> Iterator[Connection]:
        connected = False
        try:
            with self._engine.connect() as connection:
                connected = True
                self._check_tables(connection)
                yield connection
        except (SQLAlchemyError, UnicodeDecodeError, DamagedCellError) as error:
            # damaged text cannot be decoded
            failure = f"the history at {self} cannot be {action}"
            self._check_mode(failure)
            secrets = self._place.secrets
            raise store_error(error, failure, secrets=secrets, connected=connected)  # noqa: B904  has its cause

    def _check_tables(self, connection: Connection) -> None:
        """Check once that nothing acts behind the tables; see `hawc.history.storage.plain_tables`.

        Raises:
            HistoryStoreError: if a table is not plain.
        """
        if self._is_plain:
            return
        problem = problem_of_tables(connection)
        connection.rollback()  # it began by reading
        if problem is not None:
            raise HistoryStoreError(
                f"the history at {self} is refused: {problem}. A gallery has plain tables without "
                "triggers, views and rules: restore it from a copy or an export."
            )
        self._is_plain = True

    def _check_mode(self, failure: str) -> None:
        """Raise HistoryStoreError if the file is missing and the URL forbids to create it."""
        if isinstance(self._place, FilePlace) and self.is_missing_file:
            mode = self._place.options["mode"]
            if mode != "rwc":
                raise HistoryStoreError(
                    f"{failure}: a URL with mode={mode} must name a file that exists. Correct the "
                    "path, or leave `mode` out to create the file."
                )


def _checked_parts(connection: Connection) -> list[str]:
    """Returns arguments of SQLite's check: the whole file, or the tables of galleries.

    The check computes constraints and indexes, which in other tables may hold any expression.
    """
    if not other_tables(connection):
        return ["1"]
    known = inspect(connection)
    return [f"'{name}'" for name in METADATA.tables if known.has_table(name)]


def _set_up_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # `writing` begins transactions, not Python
    # EXTRA also syncs the folder after removing the journal: appends survive a power cut
    connection.execute("PRAGMA synchronous = EXTRA")
