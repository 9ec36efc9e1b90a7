"""`gallery show`: the rows of a gallery, or one row whole."""

import argparse
import json
from collections.abc import Iterator

from torch import Tensor

from hawc.gallery_commands.place import named_condition, named_gallery
from hawc.gallery_commands.table import table
from hawc.history.row import Row
from hawc.printable import printable

__all__ = ["show_rows"]

_HEADS = ("ID", "TIME (UTC)", "IMAGE", "TAGS", "METADATA")
_NUMBERS = 6  # shown of a latent or of features; `gallery export` writes all


def show_rows(options: argparse.Namespace) -> None:
    """Prints the rows of each condition as a table; with `--id`, all of one row."""
    gallery = named_gallery(options.url, options.gallery)
    if options.id is not None:
        history = gallery.history(named_condition(gallery, options.condition))
        if options.id >= len(history):
            raise ValueError(
                f"`--id` must be that of one of {len(history):,} rows, counted from 0, got "
                f"{options.id}; see `gallery show`."
            )
        for line in _whole(history[options.id]):
            print(line)
        return
    known = gallery.conditions()
    shown = known if options.condition is None else [named_condition(gallery, options.condition)]
    for k, condition in enumerate(shown):
        rows = list(gallery.rows(condition=condition, tag=options.tag))
        print("\n" * (k > 0) + f"condition: {printable(condition)}".rstrip())
        print(f"images: {len(rows):,}")
        for line in table(_HEADS, [_cells(row) for row in rows]) if rows else []:
            print(line)


def _cells(row: Row) -> list[str]:
    time = row.created.strftime("%Y-%m-%d %H:%M:%S")
    metadata = _json(row.metadata) if row.metadata else ""
    return [str(row.id), time, _origin(row), ", ".join(row.tags), metadata]


def _origin(row: Row) -> str:
    """Returns from what the image can be made again."""
    if row.latent is not None:
        return "latent"
    return "features" if row.seed is None else f"seed {row.seed}"


def _whole(row: Row) -> Iterator[str]:
    """Yields all of a row, a line for each field."""
    fields = {
        "id": str(row.id),
        "gallery": row.gallery,
        "condition": row.condition,
        "created": row.created.isoformat(sep=" ", timespec="seconds"),
        "tags": ", ".join(row.tags),
        "seed": "" if row.seed is None else str(row.seed),
        "generator": row.generator_name or "",
        "latent": _numbers(row.latent),
        "features": _numbers(row.features),
        "metadata": _json(row.metadata) if row.metadata else "",
    }
    for name, text in fields.items():
        if text or name == "condition":
            yield f"{name + ':':<10} {printable(text)}".rstrip()


def _json(metadata: dict[str, object]) -> str:
    return json.dumps(metadata, ensure_ascii=False)


def _numbers(vector: Tensor | None) -> str:
    if vector is None:
        return ""
    first = " ".join(f"{value:.4g}" for value in vector[:_NUMBERS].tolist())
    dots = " ..." if len(vector) > _NUMBERS else ""
    return f"{len(vector):,} numbers of length {float(vector.norm()):.4g}: {first}{dots}"
