"""Files: written whole or not at all, and read only if they are what they should be.

Folders and files may come from strangers. So no link is followed where a file is written, and a
file is read only after its kind and its size are known (docs/security.md).
"""

import errno
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

__all__ = ["atomic_write", "open_regular", "parse_json", "read_regular", "remove_leftovers"]

_NO_LINK = getattr(os, "O_NOFOLLOW", 0)  # Windows has neither
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)  # to open a pipe would wait for its writer
_BYTES = getattr(os, "O_BINARY", 0)


@contextmanager
def atomic_write(path: str | Path, *, durable: bool = False) -> Iterator[BinaryIO]:
    """Yields a new temporary file next to `path`, which replaces `path` in one step.

    On an error the temporary file is removed and `path` keeps its content. After a kill the
    temporary file `.<name>.part` remains, until the next write to `path` or `remove_leftovers`. A
    link in place of either file is replaced, not followed. One writer at a time: of two processes
    that write the same `path`, one removes the temporary file of the other.

    Args:
        path: the file to create or to replace; its folder must exist.
        durable: whether to wait until the content is on the disk before `path` is replaced. The
            content then survives a power cut, and a full network disk is noticed in time.

    Yields:
        The temporary file, open for writing bytes and reading them.

    Raises:
        OSError: if the file cannot be written or renamed; its `filename` is set.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "notes.txt"
        >>> with atomic_write(path) as file:
        ...     _ = file.write(b"complete")
        >>> path.read_text()
        'complete'
    """
    path = Path(path)
    partial = path.with_name(f".{path.name}.part")
    try:
        partial.unlink(missing_ok=True)  # left by a kill, or planted
        descriptor = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL | _NO_LINK | _BYTES, 0o666)
        with os.fdopen(descriptor, "w+b") as file:
            yield file
            file.flush()
            if durable:
                os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException as error:
        with suppress(OSError):
            partial.unlink()
        if isinstance(error, OSError) and error.errno is not None and error.filename is None:
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files that killed calls of `atomic_write` left in a folder.

    Args:
        folder: of one writer, which is the caller.
    """
    for partial in folder.glob(".*.part"):
        if partial.is_symlink() or not partial.is_dir():
            partial.unlink(missing_ok=True)


def open_regular(path: str | Path, limit: int | None = None) -> BinaryIO:
    """Returns an existing file, open for reading bytes; a pipe or a device is refused.

    Args:
        path: of the file; links are followed.
        limit: the most bytes that it may have; any number if None.

    Raises:
        OSError: if the file cannot be opened, is not regular, or is larger; `strerror` says which.
    """
    descriptor = os.open(path, os.O_RDONLY | _NO_WAIT | _BYTES)
    status = os.fstat(descriptor)
    problem = None
    if not stat.S_ISREG(status.st_mode):
        kind = "folder" if stat.S_ISDIR(status.st_mode) else "pipe, device or socket"
        problem = errno.EINVAL, f"a regular file is required, got a {kind}"
    elif limit is not None and status.st_size > limit:
        problem = errno.EFBIG, f"at most {limit:,} bytes are read, got {status.st_size:,}"
    if problem is not None:
        os.close(descriptor)
        raise OSError(*problem, str(path))
    return os.fdopen(descriptor, "rb")


def read_regular(path: str | Path, limit: int) -> bytes:
    """Returns the content of a file; arguments and errors as in `open_regular`."""
    with open_regular(path, limit) as file:
        return file.read(limit)


def parse_json(text: str | bytes) -> Any:
    """Returns the value of a JSON document.

    Raises:
        ValueError: if it is none, or is nested too deeply.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("the document is nested too deeply") from error
