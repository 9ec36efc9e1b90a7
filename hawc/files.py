"""Files that are written whole or not at all, even if the process is killed."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["atomic_write"]


@contextmanager
def atomic_write(path: str | Path, *, durable: bool = False) -> Iterator[Path]:
    """Yields a temporary path next to `path`, which replaces `path` in one step.

    On an error the temporary file is removed and `path` keeps its content. After a kill the
    temporary file remains; the next write to `path` overwrites it. One writer at a time: two
    processes that write the same `path` would share the temporary file.

    Args:
        path: the file to create or to replace; its folder must exist.
        durable: whether to wait until the content is on the disk before `path` is replaced. The
            content then survives a power cut, and a full network disk is noticed in time.

    Yields:
        `.<name>.part` in the folder of `path`; the caller creates it.

    Raises:
        OSError: if the file cannot be written or renamed.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "notes.txt"
        >>> with atomic_write(path) as partial:
        ...     _ = partial.write_text("complete")
        >>> path.read_text()
        'complete'
    """
    path = Path(path)
    partial = path.with_name(f".{path.name}.part")
    try:
        yield partial
        if durable:
            _flush_to_disk(partial)
        os.replace(partial, path)
    except BaseException:
        with suppress(OSError):
            partial.unlink()
        raise


def _flush_to_disk(path: Path) -> None:
    with path.open("rb+") as file:  # Windows flushes only files that are open for writing
        os.fsync(file.fileno())
