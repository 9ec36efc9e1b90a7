"""URLs of stores: parsing, checks, and a form to show without passwords."""

import logging
import math
import os
import re
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, final
from urllib.parse import parse_qsl, unquote, urlencode

from sqlalchemy import Engine, NullPool, create_engine, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError

from hawc.history.abstract import HistoryStoreError
from hawc.history.storage.side_files import create_file, problem_of_files
from hawc.history.storage.sqlite_connection import connect

__all__ = ["FilePlace", "ServerPlace", "StoreURL", "store_place"]

StoreURL = str | os.PathLike[str] | URL

_SCHEMES = {"sqlite", "sqlite+pysqlite", "postgresql", "postgresql+psycopg"}
_EXAMPLES = "'sqlite:///gallery.db' or 'postgresql+psycopg://user@host/database'"
_SQLITE_WAIT = "60"  # seconds, for an append of another process, which takes milliseconds
_POSTGRESQL_WAIT = "10"  # seconds, for a connection
_LONGEST_WAIT = 2_000_000  # seconds; SQLite counts milliseconds in 32 bits
_MODES = ("ro", "rw", "rwc")
_SWITCHES = ("uri", "immutable", "nolock")
_FILE_OPTIONS = ("timeout", "mode", *_SWITCHES)
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


@final
@dataclass(frozen=True)
class FilePlace:
    """A SQLite file.

    Args:
        path: absolute.
        options: `timeout` and those of SQLite's URIs, checked.
    """

    path: Path
    options: Mapping[str, str]

    secrets: ClassVar[tuple[str, ...]] = ()

    def __str__(self) -> str:
        shown = str(self.path).replace("%", "%25").replace("?", "%3F")  # as `store_place` reads it
        return f"sqlite:///{shown}"

    @property
    def url(self) -> URL:
        """The URL, which is valid in any working directory."""
        return URL.create("sqlite", database=str(self.path), query=self.options)

    def engine(self) -> Engine:
        """Returns an engine that connects to the file."""
        timeout = float(self.options["timeout"])
        options = {key: value for key, value in self.options.items() if key != "timeout"}
        uri = f"{self.path.as_uri()}?{urlencode(options)}"

        def connection() -> sqlite3.Connection:
            problem = problem_of_files(self.path)
            if problem is not None:
                raise HistoryStoreError(f"the history at {self} is refused: {problem}.")
            if self.options["mode"] == "rwc":
                create_file(self.path)
            return connect(self.path, uri, timeout)

        return _engine("sqlite+pysqlite://", creator=connection)


@final
@dataclass(frozen=True)
class ServerPlace:
    """A database of a PostgreSQL server.

    Args:
        address: the URL, with options for the driver.
    """

    address: URL

    def __str__(self) -> str:
        # a query may contain secrets too
        shown = self.address.set(drivername=self.address.get_backend_name(), query={})
        return shown.render_as_string(hide_password=True)

    @property
    def url(self) -> URL:
        """The URL with its password."""
        return self.address

    @property
    def secrets(self) -> tuple[str, ...]:
        """Texts that no message may contain."""
        hidden = [value for key, value in self.address.query.items() if _is_secret(key)]
        return tuple(str(text) for text in (self.address.password, *hidden) if text)

    def engine(self) -> Engine:
        """Returns an engine that connects to the server.

        Raises:
            ValueError: if the driver does not know an option.
            HistoryStoreError: if the driver cannot be loaded.
        """
        # the driver then uses UTF-8 with databases of any encoding
        url = self.address.update_query_dict({"client_encoding": "utf8"})
        try:
            engine = _engine(url)
        except ImportError as error:
            raise HistoryStoreError(
                f"the history at {self} needs a driver that cannot be loaded ({error}): "
                "pip install 'hawc[postgresql]'."
            ) from error
        driver = engine.dialect.dbapi
        assert driver is not None
        known = {option.keyword.decode() for option in driver.pq.Conninfo.get_defaults()}
        _check_names(self.address.query, known - {"client_encoding"}, str(self))
        return engine.execution_options(isolation_level="READ COMMITTED")


def store_place(url: StoreURL) -> FilePlace | ServerPlace:
    """Returns the place that a URL in SQLAlchemy's form, or a file's path, names.

    Nothing is opened. No message contains text that may be part of a password.

    Raises:
        ValueError: if `url` is not valid or has an unknown option.
    """
    if isinstance(url, URL):
        return _place_of(url)
    if isinstance(url, os.PathLike):
        return _file_place(os.fsdecode(url), {}, repr(os.fsdecode(url)))
    if not isinstance(url, str) or not url or re.match(r"(sqlite|postgres\w*)(\+\w+)?:(?!//)", url):
        raise ValueError(
            f"`url` must be like {_EXAMPLES}, or the path of a file; the given value is neither."
        )
    match = re.fullmatch(r"([\w+]+)://(.*)", url, re.DOTALL)
    if match is None:
        return _file_place(url, {}, repr(url))
    scheme, rest = match.groups()
    head, _, query = rest.partition("?")
    if _is_sqlite(scheme):
        if head and not head.startswith("/"):
            raise ValueError(
                "`url` must have three slashes before a relative path and four before an absolute "
                f"one, as in 'sqlite:///gallery.db', got 'sqlite://{head}'."
            )
        shown = f"'sqlite://{head}'"
        return _file_place(unquote(head[1:]), _options(query, shown), shown)
    return _parsed_server(head, query)


def _engine(url: str | URL, **options: Any) -> Engine:
    """Returns an engine without a pool, which prints nothing about lost connections.

    SQLAlchemy would print a traceback for each. The error that is raised says the same.
    """
    engine = create_engine(
        url, poolclass=NullPool, pool_logging_name="hawc", hide_parameters=True, **options
    )
    logger = engine.pool.logger  # by this name, it is of these engines alone
    if isinstance(logger, logging.Logger) and logger.level == logging.NOTSET:
        logger.setLevel(logging.CRITICAL)
    return engine


def _place_of(url: URL) -> FilePlace | ServerPlace:
    """Returns the place that a parsed URL names."""
    if _is_sqlite(url.drivername):
        shown = f"'sqlite:///{url.database or ''}'"
        return _file_place(url.database or "", _once(url.query.items(), shown), shown)
    server = url.set(drivername="postgresql+psycopg", query={})
    return _server_place(server, _once(url.query.items(), repr(str(ServerPlace(server)))))


def _is_sqlite(scheme: str) -> bool:
    if scheme not in _SCHEMES:
        raise ValueError(f"`url` must be like {_EXAMPLES}, got '{scheme}://...'.")
    return scheme.startswith("sqlite")


def _file_place(name: str, options: dict[str, str], shown: str) -> FilePlace:
    _check_names(options, _FILE_OPTIONS, shown)
    if name.startswith("file:"):  # a URI within the URL, as SQLite accepts
        host, name = re.fullmatch(r"(?://([^/]*))?([^#]*).*", name[5:], re.DOTALL).groups("")  # type: ignore[union-attr]
        if host not in ("", "localhost"):
            raise ValueError(f"`url` must name a file of this machine, got {shown}.")
    if not name or ":memory:" in name or options.get("mode") == "memory":
        raise ValueError(
            f"`url` must name a file, as in 'sqlite:///gallery.db', got {shown}; "
            "use MemoryHistory for points in memory."
        )
    if "\0" in name:
        raise ValueError(f"`url` must name a file without null bytes, got {shown}.")
    path = Path(name).expanduser() if name.startswith("~/") else Path(name)
    path = path.absolute()  # messages name the place for any working directory
    try:
        is_folder = path.is_dir()
    except OSError as error:  # too long a name
        raise ValueError(f"`url` must name a file, got {shown}: {error.strerror}.") from error
    if is_folder:
        raise ValueError(f"`url` must name a file, got the folder {shown}.")
    return FilePlace(path, _checked_file_options(options))


def _checked_file_options(options: dict[str, str]) -> dict[str, str]:
    """Returns checked options for SQLite, which ignores invalid values."""
    timeout = options.get("timeout", _SQLITE_WAIT)
    try:
        seconds = float(timeout)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds <= _LONGEST_WAIT:
        raise ValueError(
            f"`url` must have a number of seconds as timeout, 0 to {_LONGEST_WAIT:,}, got "
            f"{timeout!r}."
        )
    mode = options.get("mode", "rwc")
    if mode not in _MODES:
        raise ValueError(f"`url` must have ro, rw or rwc as mode, got {mode!r}.")
    switched_on = []
    for name in _SWITCHES:
        value = options.get(name, "0").lower()
        if value not in _TRUE + _FALSE:
            raise ValueError(f"`url` must have true or false as {name}, got {value!r}.")
        if value in _TRUE and name != "uri":  # URIs are recognized by `file:`
            switched_on.append(name)
    if switched_on and mode != "ro":
        raise ValueError(
            f"`url` must have mode=ro where {switched_on[0]} is set, got mode={mode}: writers need "
            "locks."
        )
    return {"timeout": timeout, "mode": mode, **dict.fromkeys(switched_on, "1")}


def _parsed_server(head: str, query: str) -> ServerPlace:
    # after an '@' in a password, the rest of it would be taken for the host and shown
    if "@" in query or head.count("@") > 1:
        raise ValueError(
            "`url` must have one '@', before the server; write %40 in user, password and options."
        )
    try:
        parsed = make_url(f"postgresql+psycopg://{head}")
    except (ArgumentError, ValueError):  # their message may contain a part of a password
        parsed = None
    if parsed is None or (parsed.username is None and "@" in head):
        raise ValueError(
            f"`url` must be like {_EXAMPLES}; the given URL cannot be parsed. Write %2F for '/' "
            "and %3F for '?' in user and password."
        )
    return _server_place(parsed, _options(query, repr(str(ServerPlace(parsed)))))


def _server_place(server: URL, options: dict[str, str]) -> ServerPlace:
    wait = options.setdefault("connect_timeout", _POSTGRESQL_WAIT)
    if not (wait.isascii() and wait.isdigit()):
        raise ValueError(
            f"`url` must have a whole number of seconds as connect_timeout, got {wait!r}."
        )
    return ServerPlace(server.set(query=options))


def _options(query: str, shown: str) -> dict[str, str]:
    return _once(parse_qsl(query, keep_blank_values=True), shown)


def _once(pairs: Iterable[tuple[str, object]], shown: str) -> dict[str, str]:
    """Returns options by name; each must be given once and with a value."""
    options: dict[str, str] = {}
    for name, value in pairs:
        if not value:
            raise ValueError(
                f"`url` must give option {name!r} a value, as '?{name}=...', got none with {shown}."
            )
        if name in options or not isinstance(value, str):  # a parsed URL has tuples
            raise ValueError(f"`url` must give option {name!r} once, got it again with {shown}.")
        options[name] = value
    return options


def _check_names(
    options: Mapping[str, object], known: tuple[str, ...] | set[str], shown: str
) -> None:
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise ValueError(
            f"`url` must have no option {unknown[0]!r}, got one with {shown}; known are "
            f"{', '.join(known if isinstance(known, tuple) else sorted(known))}."
        )


def _is_secret(option: str) -> bool:
    return any(part in option for part in ("password", "secret", "scram"))
