"""Folders, which may come from strangers: searched within bounds, and told from free ones."""

import os
from collections.abc import Container, Iterator
from itertools import islice
from pathlib import Path

__all__ = ["foreign_file", "is_within", "walk"]

_MOST_FOLDERS = 10_000


def foreign_file(folder: Path, known: Container[str] = ()) -> str | None:
    """Returns the name of a file that no killed writer of known files left, or None.

    Temporary files of `hawc.io.files.atomic_write` do not count. Links, pipes and folders do.

    Args:
        folder: that exists.
        known: names of files that may be there.
    """
    with os.scandir(folder) as files:
        for file in files:
            is_leftover = file.name.startswith(".") and file.name.endswith(".part")
            if not (is_leftover or file.name in known) or not file.is_file(follow_symlinks=False):
                return file.name
    return None


def is_within(place: Path, folder: Path) -> bool:
    """Returns whether a place lies in a folder once all links are followed."""
    return Path(os.path.realpath(place)).is_relative_to(os.path.realpath(folder))


def walk(folder: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Yields a folder and those below it, each once, with names as `os.walk` does.

    Links are followed, after other folders. At most 10,000 folders are visited.

    Args:
        folder: the first one. A caller may remove names of further ones from the first list.
    """
    seen: set[str] = set()
    for top, folders, files in islice(os.walk(folder, followlinks=True), _MOST_FOLDERS):
        if (real := os.path.realpath(top)) in seen:  # a link led back
            folders.clear()
            continue
        seen.add(real)
        folders.sort(key=lambda name: os.path.islink(os.path.join(top, name)))
        yield Path(top), folders, files
