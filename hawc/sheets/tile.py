"""A row of a gallery on a contact sheet: its image, if it has one, and its texts."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from PIL import Image

from hawc.history.row import Row
from hawc.sheets.conversion import as_image
from hawc.sheets.image_file import ImageFileError, read_image

__all__ = ["Tile", "tile_of"]


@final
@dataclass(frozen=True)
class Tile:
    """What a contact sheet shows of a row.

    Args:
        image: in RGB, at most `side` pixels wide and high; None for a gray tile.
        problem: why there is no image, in a few words; empty if there is one.
        id: of the row.
        tags: of the row.
        condition: of the row.
        details: all texts of the row, one a line.
    """

    image: Image.Image | None
    problem: str
    id: int
    tags: tuple[str, ...]
    condition: str
    details: str


def tile_of(
    row: Row,
    side: int,
    folder: Path | None,
    decode: Callable[[Any], Any] | None = None,
    latent_shape: Sequence[int] | None = None,
) -> Tile:
    """Returns the tile of a row: decoded, else from the file that its metadata names.

    Args:
        row: of a gallery.
        side: largest width and height of the image in pixels.
        folder: of the files; None if no file may be read.
        decode: makes images from latents or seeds.
        latent_shape: of a latent as `decode` takes it; flat if None.

    Raises:
        ValueError: if `decode` does not return an image.
    """
    image, problem = None, ""
    if decode is not None and (row.latent is not None or row.seed is not None):
        image = as_image(row.decoded(decode, latent_shape))
    else:
        try:
            image = _from_file(row, folder, side)
        except ImageFileError as error:
            problem = str(error)
    fitted = None if image is None else _fitted(image, side)
    return Tile(fitted, problem, row.id, row.tags, row.condition, _details(row))


def _from_file(row: Row, folder: Path | None, side: int) -> Image.Image:
    name = row.metadata.get("file")
    if not isinstance(name, str) or not name:
        raise ImageFileError("no image")
    if folder is None:
        raise ImageFileError("no folder is given")
    return read_image(name, folder, side)


def _fitted(image: Image.Image, side: int) -> Image.Image:
    """Returns the image reduced to `side`, or enlarged by a whole number."""
    largest = max(image.size)
    if largest > side:
        image.thumbnail((side, side), Image.Resampling.LANCZOS)
        return image
    factor = side // largest
    size = (image.width * factor, image.height * factor)
    return image.resize(size, Image.Resampling.NEAREST)


def _details(row: Row) -> str:
    texts = {
        "id": str(row.id),
        "condition": row.condition,
        "tags": ", ".join(row.tags),
        "seed": "" if row.seed is None else str(row.seed),
        "generator": row.generator_name or "",
        "created": row.created.isoformat(sep=" ", timespec="seconds"),
        "metadata": json.dumps(row.metadata, ensure_ascii=False) if row.metadata else "",
    }
    return "\n".join(f"{name}: {text}" for name, text in texts.items() if text)
