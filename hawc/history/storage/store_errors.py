"""Errors of databases in plain words, with advice and without passwords."""

import re
from collections.abc import Iterator, Sequence
from urllib.parse import quote

from sqlalchemy.exc import DBAPIError, IntegrityError

from hawc.history.abstract import HistoryStoreError
from hawc.history.storage.cells import DamagedCellError
from hawc.printable import printable

__all__ = ["DAMAGED", "is_key_conflict", "store_error"]

DAMAGED = "the file is damaged: restore it from a copy or an export"
_LOCKED = "another process keeps it locked: end that process, or wait longer (?timeout=)"
_RESTART = "the server ended the connection: continue when it is up again"
_LOST = (
    "the connection was lost: continue when the server can be reached again. The history's length "
    "shows whether a batch was recorded"
)
_IDLE = (
    "the choice took longer than the server's idle_in_transaction_session_timeout: raise it, or "
    "choose fewer points at once"
)
_ENCODING = (
    "the database's encoding lacks a character: use an ASCII name, or a database created with "
    "ENCODING 'UTF8'"
)
# Prefixes of SQLite's error names (https://www.sqlite.org/rescode.html) and of PostgreSQL's
# SQLSTATE codes (its manual, appendix A). The first match counts.
_ADVICE = (
    ("SQLITE_BUSY", _LOCKED),
    ("SQLITE_LOCKED", _LOCKED),
    ("SQLITE_READONLY_DBMOVED", "the file was moved or replaced: open the history again"),
    (
        "SQLITE_READONLY_ROLLBACK",
        "a process was killed while it wrote: open the store once without mode=ro, which undoes "
        "the unfinished write",
    ),
    ("SQLITE_READONLY", "it is read-only: make file and folder writable to append"),
    ("SQLITE_FULL", "the disk is full: free space and try again"),
    ("SQLITE_IOERR", "the disk is full, limited or failing: free space and try again"),
    (
        "SQLITE_CANTOPEN",
        "the file cannot be opened: does its folder exist, and is it writable?",
    ),
    ("SQLITE_PERM", "the user lacks a permission: grant it"),
    ("SQLITE_CORRUPT", DAMAGED),
    ("SQLITE_NOTADB", "the file is no SQLite database: name another one"),
    ("SQLITE_TOOBIG", "no value of a gallery is that large: restore the file from a copy"),
    ("SQLITE_INTERRUPT", "the file is damaged, as its rows have no end: restore it from a copy"),
    ("SQLITE", "does the store still exist?"),
    ("08", _LOST),
    ("22001", "the database counts bytes, not characters: use a shorter name"),
    ("22021", _ENCODING),
    ("22P05", _ENCODING),
    ("25006", "the server is read-only: write to the primary one"),
    ("25P03", _IDLE),
    ("25P04", "it took longer than the server's transaction_timeout: raise it and try again"),
    ("28", "the server refuses the user: correct name and password, or its pg_hba.conf"),
    ("3D000", "the server has no such database: create it, or name another one"),
    ("40", "the transaction conflicted with others: try again"),
    ("42501", "the user lacks a permission: grant it"),
    ("53100", "the server's disk is full: free space and try again"),
    ("53", "the server has run out of memory or connections: free some and try again"),
    (
        "55P03",
        "another process keeps it locked for longer than the server's lock_timeout: end that "
        "process, or raise the timeout",
    ),
    (
        "57014",
        "the server cancelled it, after its statement_timeout or on request: raise the timeout, or "
        "end the process that keeps the history locked",
    ),
    ("57", _RESTART),
    ("58", "the server's disk is full or failing: see its log"),
    ("XX001", "the server's files are damaged: restore them from a copy or an export"),
    ("XX002", "the server's files are damaged: restore them from a copy or an export"),
    ("", "does the store still exist?"),
)
_UNREACHED = "does the store exist, and are server, user, password and options of the URL right?"
_LONGEST = 1000  # characters of a driver's message; it may repeat the file's text
_KEY_CONFLICTS = ("SQLITE_CONSTRAINT_PRIMARYKEY", "SQLITE_CONSTRAINT_UNIQUE", "23505")
_NOT_UTF8 = "its text is not UTF-8: restore the store from a copy or an export"


def store_error(
    error: Exception, failure: str, *, secrets: Sequence[str] = (), connected: bool = True
) -> HistoryStoreError:
    """Returns an error with the reason and advice, without passwords.

    Its cause is the original error, unless that contains a password.

    Args:
        error: of SQLAlchemy, or of a driver that reads damaged text.
        failure: such as "the history at ... cannot be read".
        secrets: passwords, not escaped as in a URL.
        connected: whether a connection existed.
    """
    hidden = {text for secret in secrets for text in (secret, quote(secret, safe=""))}
    reason, advice = _reason(error), _advice(error, connected)
    for text in sorted(hidden, key=len, reverse=True):
        reason = reason.replace(text, "***")
    plain = HistoryStoreError(f"{failure} ({reason}): {advice}{'' if advice[-1] == '?' else '.'}")
    shown = " ".join(str(part) for part in _chain(error))
    plain.__cause__ = None if any(text in shown for text in hidden) else error
    plain.__suppress_context__ = True
    return plain


def is_key_conflict(error: IntegrityError) -> bool:
    """Returns whether a row was refused because another row has its key."""
    return _code(error) in _KEY_CONFLICTS


def _code(error: Exception) -> str:
    cause = getattr(error, "orig", None)
    return getattr(cause, "sqlite_errorname", None) or getattr(cause, "sqlstate", None) or ""


def _reason(error: Exception) -> str:
    """Returns the driver's message on one line."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    words = re.sub(r"\s+", " ", str(cause)[:_LONGEST]).strip().rstrip(".")
    return printable(words)


def _advice(error: Exception, connected: bool) -> str:
    if isinstance(error, UnicodeDecodeError):
        return _NOT_UTF8
    if isinstance(error, DamagedCellError):
        return DAMAGED
    code = _code(error)
    if not code and not connected:
        return _UNREACHED
    if not code and isinstance(error, DBAPIError) and error.connection_invalidated:
        return _IDLE if "idle-in-transaction" in str(error) else _LOST  # older drivers
    return next(text for start, text in _ADVICE if code.startswith(start))


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yields all errors that a traceback would show."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
