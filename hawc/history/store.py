"""From a URL to a database: what is accepted, how connections are set up, errors in plain words."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, final

from sqlalchemy import Connection, NullPool, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from hawc.history.abstract import HistoryStoreError

__all__ = ["Store"]

_DRIVERS = {
    "sqlite": "sqlite+pysqlite",
    "sqlite+pysqlite": "sqlite+pysqlite",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}
_EXAMPLES = "'sqlite:///gallery.db' or 'postgresql+psycopg://user@host/database'"
_SECONDS = {  # how long to wait, unless the URL says otherwise
    "sqlite+pysqlite": {"timeout": "60"},  # for another process's append: it takes milliseconds
    "postgresql+psycopg": {"connect_timeout": "10"},
}
_SQLITE_OPTIONS = {"timeout", "uri", "mode", "cache", "nolock", "immutable"}
_LOCKS = 0x68617763  # any number that nobody else locks under: "hawc" in ASCII
_CREATION_LOCK = 0  # galleries have the numbers from 1

_DAMAGED = "the file is damaged: restore it from a copy or an export"
# SQLite's error names (https://www.sqlite.org/rescode.html) and PostgreSQL's SQLSTATE codes
# (its manual, appendix A) by their beginnings; the first that fits counts
_ADVICE = (
    ("SQLITE_BUSY", "another process keeps it locked: end that one, or wait longer (?timeout=)"),
    ("SQLITE_LOCKED", "another process keeps it locked: end that one, or wait longer (?timeout=)"),
    ("SQLITE_READONLY", "it is read-only: make file and folder writable to append"),
    ("SQLITE_FULL", "the disk is full: make room, then go on"),
    ("SQLITE_IOERR", "the disk is full, limited or failing: make room, then go on"),
    ("SQLITE_CANTOPEN", "the file cannot be opened: does its folder exist and allow it?"),
    ("SQLITE_CORRUPT", _DAMAGED),
    ("SQLITE_NOTADB", "the file is no SQLite database: name another one"),
    ("25006", "the server is read-only: write to the primary one"),
    ("42501", "the user lacks a right: grant it"),
    ("53", "the server has run out of room or connections: make room, then go on"),
    ("", "is the store in place, and are server, user and password right?"),
)


@final
class Store:
    """A database that is connected to for each piece of work and left at once.

    No connection outlives a call. So a store may cross a fork, nothing has to be closed, and many
    idle processes do not use up a server's connections.

    Args:
        url: SQLAlchemy's, for SQLite (a file) or PostgreSQL.

    Raises:
        ValueError: if the URL is not one of these.
        HistoryStoreError: if the driver cannot be loaded.
    """

    def __init__(self, url: str) -> None:
        self._url = _checked_url(url)
        try:
            # errors are to be quoted, but neither points nor passwords
            self._engine = create_engine(self._url, poolclass=NullPool, hide_parameters=True)
        except ImportError as error:
            raise HistoryStoreError(
                f"the history at {self} needs a driver that cannot be loaded ({error}): "
                "pip install 'hawc[postgresql]'."
            ) from error
        if self.is_sqlite:
            event.listen(self._engine, "connect", _set_up_sqlite)
        else:
            self._engine = self._engine.execution_options(isolation_level="READ COMMITTED")

    def __str__(self) -> str:
        # a query may hold secrets too
        shown = self._url.set(drivername=self._url.get_backend_name(), query={})
        return shown.render_as_string(hide_password=True)

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a file rather than a server."""
        return self._url.get_backend_name() == "sqlite"

    @property
    def is_missing_file(self) -> bool:
        """Whether it is a file that opening would create."""
        name = str(self._url.database)
        return self.is_sqlite and not name.startswith("file:") and not Path(name).exists()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Yields a connection that reads.

        Raises:
            HistoryStoreError: if the store cannot be read; the message says why.
        """
        with self._plain_errors("read"), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Yields a connection whose work is recorded at the end, all of it or, on errors, nothing.

        Raises:
            HistoryStoreError: if the store cannot be written; the message says why.
        """
        with self._plain_errors("written"), self._engine.begin() as connection:
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
                    f"the history at {self} cannot be read ({found}): {_DAMAGED}."
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
    def _plain_errors(self, done: str) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, UnicodeDecodeError) as error:  # the latter from damaged text
            reason, code = _reason(error)
            advice = next(text for start, text in _ADVICE if code.startswith(start))
            password = self._url.password
            if password:  # no driver is known to repeat it; this makes it certain
                reason = reason.replace(str(password), "***")
            raise HistoryStoreError(
                f"the history at {self} cannot be {done} ({reason}): {advice}"
                f"{'' if advice.endswith('?') else '.'}"
            ) from error


def _checked_url(url: str) -> URL:
    """Returns the URL with its driver, its waiting times and an absolute path."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise ValueError(f"`url` must be like {_EXAMPLES}; what came cannot be read.") from error
    shown = parsed.set(query={}).render_as_string(hide_password=True)  # a query may hold secrets
    if parsed.drivername not in _DRIVERS:
        raise ValueError(f"`url` must be like {_EXAMPLES}, got {shown!r}.")
    parsed = parsed.set(drivername=_DRIVERS[parsed.drivername])
    parsed = parsed.set(query={**_SECONDS[parsed.drivername], **parsed.query})
    if parsed.get_backend_name() == "sqlite":
        _check_options(parsed, shown)
        name = parsed.database or ""
        if not name or ":memory:" in name or parsed.query.get("mode") == "memory":
            raise ValueError(
                f"`url` must name a file, as in 'sqlite:///gallery.db', got {shown!r}; "
                "use MemoryHistory for what need not outlive the process."
            )
        if not name.startswith("file:"):  # messages are to name the place wherever they are read
            parsed = parsed.set(database=str(Path(name).absolute()))
    return parsed


def _check_options(url: URL, shown: str) -> None:
    """Raises ValueError for what SQLite would complain of without saying where it stands."""
    unknown = sorted(set(url.query) - _SQLITE_OPTIONS)
    if unknown:
        raise ValueError(f"`url` must have no option {unknown[0]!r}, got one with {shown!r}.")
    try:
        float(str(url.query["timeout"]))
    except ValueError as error:
        raise ValueError(
            f"`url` must have a number of seconds as timeout, got {url.query['timeout']!r}."
        ) from error
    if "\0" in str(url.database):
        raise ValueError(f"`url` must name a file without null bytes, got {shown!r}.")


def _set_up_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions begin where we say so, not where Python would
    # EXTRA also syncs the folder once the journal is gone: an append outlives a loss of power
    connection.execute("PRAGMA synchronous = EXTRA")


def _reason(error: Exception) -> tuple[str, str]:
    """Returns the driver's own words on one line and its code, empty if it gave none."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(cause, "sqlite_errorname", None) or getattr(cause, "sqlstate", None) or ""
    code = "SQLITE_CORRUPT" if isinstance(cause, UnicodeDecodeError) else code
    return re.sub(r"\s+", " ", str(cause)).strip().rstrip("."), code
