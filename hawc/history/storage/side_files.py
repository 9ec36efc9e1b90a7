"""What a SQLite file and the files beside it must be before SQLite opens them.

SQLite trusts them. It waits for a pipe, and the journal of an unfinished write may name a further
file, which SQLite reads and deletes.
"""

import os
import stat
from contextlib import suppress

from hawc.io.files import open_regular

__all__ = ["LARGEST_FILE", "create_file", "problem_of_files"]

LARGEST_FILE = 2**40
"""Bytes of the largest SQLite file that is opened; SQLite's own memory grows with the pages."""

_SUFFIXES = ("-journal", "-wal", "-shm")
_NAMES_ANOTHER_FILE = bytes.fromhex("d9d505f920a163d7")  # the last bytes of such a journal
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)  # Windows has none


def create_file(path: str | os.PathLike[str]) -> None:
    """Create an empty file, unless it exists; its mode is that of the umask.

    SQLite would keep a group from writing. It gives its other files the mode of the first.
    """
    with suppress(OSError):  # then SQLite fails too, and says why
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | _NO_LINK, 0o666))


def problem_of_files(path: str | os.PathLike[str]) -> str | None:
    """Returns why SQLite must not open a file; None if it may, or if there is no file.

    The file itself may be a link. Those beside it may not, as SQLite writes and deletes them.
    """
    real = os.path.realpath(path)
    if os.path.islink(path) and not os.path.exists(real):
        return "it is a link to a file that does not exist: name that file"
    with suppress(OSError):
        status = os.stat(real)
        if not stat.S_ISREG(status.st_mode):
            return "it is no regular file: name another one"
        if status.st_size > LARGEST_FILE:
            return f"it has {status.st_size:,} bytes, and at most {LARGEST_FILE:,} are read"
    for suffix in _SUFFIXES:
        with suppress(OSError):
            status = os.lstat(real + suffix)
            if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
                return (
                    f"the file beside it that ends in {suffix} is a link, pipe or folder: remove it"
                )
    if _names_another_file(real + _SUFFIXES[0]):
        return (
            "the file beside it that ends in -journal is of a write to several databases, which no "
            "gallery has: restore both from a copy"
        )
    return None


def _names_another_file(journal: str) -> bool:
    with suppress(OSError), open_regular(journal) as file:
        file.seek(-min(len(_NAMES_ANOTHER_FILE), os.fstat(file.fileno()).st_size), os.SEEK_END)
        return file.read() == _NAMES_ANOTHER_FILE
    return False
