"""Contact sheets: all images of a gallery at once, to look at."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hawc.arguments import whole_number
from hawc.history.row import Row
from hawc.history.storage.store_url import FilePlace, store_place
from hawc.io.files import atomic_write

if TYPE_CHECKING:
    from hawc.sheets.tile import Tile

__all__ = ["contact_sheet"]

_SUFFIXES = (".png", ".html")


def contact_sheet(
    rows: Iterable[Row],
    path: str | Path,
    *,
    decode: Callable[[Any], Any] | None = None,
    latent_shape: Sequence[int] | None = None,
    columns: int | None = None,
    side: int = 128,
    folder: str | Path | None = None,
    title: str | None = None,
) -> None:
    """Write all rows as tiles of one image or HTML page, replaced in one step.

    A row with latent or seed is decoded again if `decode` is given. Otherwise the tile shows the
    file that the row's metadata names under "file": a PNG, JPEG or WebP file within `folder`. A row
    without either is a gray tile with its texts. An HTML page has all texts of a row in the tooltip
    of its tile, and loads nothing else.

    Args:
        rows: such as a `DatabaseHistory`, a `Gallery` or what their `rows` returns; at least one.
        path: ends in ".png" or ".html".
        decode: makes images from latents (n, *latent_shape), one at a time, or from a seed: a
            tensor (n, c, h, w) in [0, 1], an array (n, h, w, c), or images of Pillow.
        latent_shape: of one latent as `decode` takes it; flat if None.
        columns: tiles side by side; if None, at least eight and about as many as there are lines.
        side: width and height of a tile in pixels, at least 16.
        folder: the one from which image files may be read. If None, the folder of the SQLite file
            that holds a given history or gallery; no files are read for rows alone.
        title: of the sheet; if None, gallery, condition and number of images.

    Raises:
        ValueError: if an argument is out of range, Pillow is not installed, or `decode` does not
            return images.
        OSError: if the file cannot be written; an existing file is unchanged.
    """
    path = Path(path)
    if path.suffix.lower() not in _SUFFIXES:
        raise ValueError(f"`path` must end in '.png' or '.html', got {str(path)!r}.")
    side = whole_number("side", side, 16)
    columns = None if columns is None else whole_number("columns", columns, 1)
    if find_spec("PIL") is None:
        raise ValueError(
            "contact sheets need Pillow, which is not installed: pip install 'hawc[images]'."
        )
    folder = _folder_of(rows) if folder is None else Path(folder)
    shown = list(rows)
    if not shown:
        raise ValueError("`rows` must have at least one row, got none.")
    title = _title(shown) if title is None else title
    columns = columns or min(len(shown), max(8, math.ceil(math.sqrt(len(shown)))))
    _write(path, _tiles(shown, side, folder, decode, latent_shape), title, columns, side)


def _tiles(
    rows: Sequence[Row],
    side: int,
    folder: Path | None,
    decode: Callable[[Any], Any] | None,
    latent_shape: Sequence[int] | None,
) -> "Iterator[Tile]":
    from hawc.sheets.tile import tile_of  # needs Pillow

    for row in rows:
        yield tile_of(row, side, folder, decode, latent_shape)


def _write(path: Path, tiles: "Iterator[Tile]", title: str, columns: int, side: int) -> None:
    from hawc.sheets.html_sheet import html_sheet  # need Pillow
    from hawc.sheets.image_sheet import image_sheet

    if path.suffix.lower() == ".png":
        sheet = image_sheet(list(tiles), title, columns, side)
        with atomic_write(path) as file:
            sheet.save(file, "png")
        return
    with atomic_write(path) as file:
        file.writelines(part.encode() for part in html_sheet(tiles, title, columns, side))


def _title(rows: Sequence[Row]) -> str:
    """Returns gallery and condition, if all rows share them, and the number of images."""
    shared = ({row.gallery for row in rows}, {row.condition for row in rows})
    names = [next(iter(values)) for values in shared if len(values) == 1]
    count = f"{len(rows)} image{'s' if len(rows) > 1 else ''}"
    return " · ".join([*filter(None, names), count])


def _folder_of(rows: object) -> Path | None:
    """Returns the folder of the SQLite file that holds a history or gallery."""
    location = getattr(rows, "location", None)
    place = store_place(location) if isinstance(location, str) else None
    return place.path.parent if isinstance(place, FilePlace) else None
