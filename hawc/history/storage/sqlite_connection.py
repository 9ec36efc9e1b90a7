"""Connections to SQLite files that may come from strangers."""

import os
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any, final

__all__ = ["LARGEST_CELL", "connect"]

LARGEST_CELL = 2**26
"""Bytes of the largest value in a store. Batches have 4 MiB, or one row."""

_STEPS = 1_000_000  # of SQLite's machine for each statement; 0.1 s for an honest file
_STEPS_PER_BYTE = 8  # of the file; a scan takes 0.6
_STEPS_AT_ONCE = 100_000
_SPARSE = 2**24  # bytes of a file that count at once; some file systems report new blocks late
_DEFENSIVE = 1010  # SQLITE_DBCONFIG_DEFENSIVE, which Python 3.11 does not name


@final
class _Budget:
    """Ends a statement whose work is out of proportion to the file, as in a damaged one.

    A damaged file may hold the same page many times, and its rows may then have no end.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.steps = 0

    def __call__(self) -> bool:
        self.steps += _STEPS_AT_ONCE
        return self.steps > _STEPS and self.steps > _STEPS + _STEPS_PER_BYTE * self._size()

    def _size(self) -> int:
        """Returns the bytes on the disk, or 16 MiB; a sparse file has fewer than it claims."""
        with suppress(OSError):
            status = os.stat(self._path)
            blocks = getattr(status, "st_blocks", 0) or 2**63  # unknown, as on some network disks
            return min(status.st_size, max(512 * blocks, _SPARSE))
        return 0


class _Connection(sqlite3.Connection):
    budget: _Budget

    def cursor(self, *args: Any) -> Any:
        """Returns a cursor, of which SQLAlchemy takes one for each statement."""
        self.budget.steps = 0
        return super().cursor(*args)


def connect(path: Path, uri: str, timeout: float) -> sqlite3.Connection:
    """Returns a connection that runs no code of the file and has bounds for memory and time.

    Args:
        path: of the file, an absolute one.
        uri: of the same file, with options for SQLite.
        timeout: seconds to wait for another process's lock.
    """
    connection = sqlite3.connect(uri, timeout=timeout, uri=True, factory=_Connection)
    connection.budget = _Budget(path)
    connection.set_progress_handler(connection.budget, _STEPS_AT_ONCE)
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LARGEST_CELL)
    if hasattr(connection, "setconfig"):  # from Python 3.12 on
        connection.setconfig(_DEFENSIVE, True)
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    return connection
