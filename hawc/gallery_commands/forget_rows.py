"""`gallery forget`: rows that samplers should no longer avoid."""

import argparse
import re
from collections.abc import Sequence

from hawc.gallery_commands.place import named_condition, named_gallery, quoted

__all__ = ["forget_rows"]


def forget_rows(options: argparse.Namespace) -> None:
    """Forgets the rows with the given ids, or all of a condition if there are none.

    Raises:
        ValueError: if an id is wrong, or all rows would be forgotten without `--yes`.
    """
    gallery = named_gallery(options.url, options.gallery)
    condition = named_condition(gallery, options.condition)
    history = gallery.history(condition)
    place = f"gallery {quoted(options.gallery)}, condition {quoted(condition)}"
    present = {row.id for row in history}
    ids = _ids(options.ids, len(history)) if options.ids else present
    if gone := sorted(ids - present):
        raise ValueError(f"`ID` must name a row that is not forgotten, got {gone[0]} of {place}.")
    if ids and ids == present and not options.yes:
        raise ValueError(
            f"this would forget all {len(present):,} images of {place}; add --yes if it should."
        )
    if ids:
        history.forget(sorted(ids))
    print(f"forgot {len(ids):,} of {len(present):,} images of {place}")


def _ids(texts: Sequence[str], length: int) -> set[int]:
    """Returns the ids in texts such as 3 and 7-9."""
    ids: set[int] = set()
    for text in texts:
        match = re.fullmatch(r"([0-9]{1,18})(?:-([0-9]{1,18}))?", text)
        if match is None:
            raise ValueError(f"`ID` must be a number or a range, as 3 or 7-9, got {text!r}.")
        first, last = int(match[1]), int(match[2] or match[1])
        if not first <= last < length:
            raise ValueError(
                f"`ID` must be a row of the gallery, 0 to {length - 1}, or a rising range of rows, "
                f"got {text}."
            )
        ids.update(range(first, last + 1))
    return ids
