"""JSON documents with one long list, which is written and read one entry a line.

Such a document may come from a stranger. Its entries are parsed one at a time, so reading takes
little more memory than the file has bytes.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from hawc.io.files import atomic_write, open_regular, parse_json

__all__ = ["open_document", "write_document"]

_LARGEST = 2**30  # bytes of a document
_PARSED = 2**24  # bytes parsed at once: an entry, all but the list, or another layout as a whole
_DEEPEST = 32  # levels of lists and objects, so that the values can be written again


def write_document(path: Path, head: Mapping[str, Any], key: str, entries: Iterable[str]) -> None:
    """Writes a document whole or not at all; on an error the earlier file stays.

    Args:
        path: of the file.
        head: what the document holds beside the list; not empty.
        key: of the list.
        entries: of the list, as JSON in one line each.
    """
    first = json.dumps(head, indent=1).removesuffix("\n}")
    lines = ",\n".join(entries)
    with atomic_write(path) as file:
        file.write(f'{first},\n "{key}": [\n{lines}\n]}}\n'.encode())


@contextmanager
def open_document(
    path: Path, key: str
) -> Iterator[tuple[dict[str, Any], Iterator[tuple[str, Any]]]]:
    """Opens a document of at most 1 GiB; up to 16 MiB in any other layout.

    Args:
        path: of the file.
        key: of the list.

    Yields:
        What the document holds beside the list, and an iterator of the list's entries, each as text
        and as value. The iterator raises ValueError at an entry that is not JSON.

    Raises:
        OSError: if the file cannot be read, is not a regular one, or is too large.
        ValueError: if it is not such a document.
    """
    with open_regular(path, _LARGEST) as file:
        start = file.read(_PARSED)
        head, mark, rest = start.partition(f'\n "{key}": [\n'.encode())
        if mark and not rest.startswith(b" "):
            file.seek(len(head + mark))
            yield _checked(parse_json(head.removesuffix(b",") + b"}")), _entries(file)
            return
        if file.read(1):
            raise ValueError(f"above {_PARSED:,} bytes every entry must have its own line")
        content = _checked(parse_json(start))
        entries = content.pop(key, None)
        if not isinstance(entries, list):
            raise ValueError(f"`{key}` must be a list")
        yield content, ((json.dumps(entry), entry) for entry in entries)


def _entries(file: BinaryIO) -> Iterator[tuple[str, Any]]:
    for line in iter(partial(file.readline, _PARSED), b""):
        text = line.rstrip(b",\n")
        if text == b"]}":
            if file.read(1):
                raise ValueError("the document goes on after its end")
            return
        if text:
            yield text.decode(), parse_json(text)
    raise ValueError("the document is cut off")


def _checked(content: Any) -> dict[str, Any]:
    if not isinstance(content, dict) or not _is_shallow(content, _DEEPEST):
        raise ValueError(f"an object of at most {_DEEPEST} levels is required")
    return content


def _is_shallow(value: Any, levels: int) -> bool:
    if not isinstance(value, (dict, list)):
        return True
    parts = value.values() if isinstance(value, dict) else value
    return levels > 0 and all(_is_shallow(part, levels - 1) for part in parts)
