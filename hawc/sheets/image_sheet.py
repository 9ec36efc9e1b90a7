"""A contact sheet as one image: tiles in a grid, each with a caption.

Pillow's own font has few characters. Letters with accents lose them, others become question marks;
the HTML sheet shows all texts whole.
"""

import math
import unicodedata
from collections.abc import Sequence
from functools import cache

from PIL import Image, ImageDraw, ImageFont

from hawc.printable import printable
from hawc.sheets.tile import Tile

__all__ = ["image_sheet"]

_GAP = 6  # pixels between tiles
_MARGIN = 12
_MAX_PIXELS = 200_000_000
_GRAY, _TEXT, _FAINT = "#dddddd", "#222222", "#666666"


def image_sheet(tiles: Sequence[Tile], title: str, columns: int, side: int) -> Image.Image:
    """Returns the sheet in RGB; captions have conditions only where these differ.

    Args:
        tiles: at least one, in the order to show them.
        title: any text; cut to the width of the sheet.
        columns: tiles in a row, at least 1.
        side: width and height of a tile in pixels.

    Raises:
        ValueError: if the sheet would have more than 200 million pixels.
    """
    size = max(10, min(16, side // 8))
    line = size + 4
    captions = 2 if len({tile.condition for tile in tiles}) > 1 else 1
    step = side + captions * line + _GAP
    top = _MARGIN + 2 * line
    width = max(2 * _MARGIN + columns * (side + _GAP) - _GAP, 4 * line)
    height = top + math.ceil(len(tiles) / columns) * step + _MARGIN
    _check_size(width, height)
    sheet = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(sheet)
    draw.text((_MARGIN, _MARGIN), _cut(title, size, width - 2 * _MARGIN), _TEXT, _font(size))
    for index, tile in enumerate(tiles):
        row, column = divmod(index, columns)
        x, y = _MARGIN + column * (side + _GAP), top + row * step
        _paste(sheet, draw, tile, (x, y), side, size)
        texts = ["  ".join([str(tile.id), *tile.tags]), tile.condition][:captions]
        for k, text in enumerate(texts):
            color = _FAINT if k else _TEXT
            draw.text((x, y + side + k * line), _cut(text, size, side), color, _font(size))
    return sheet


def _check_size(width: int, height: int) -> None:
    if width * height > _MAX_PIXELS:
        raise ValueError(
            f"`rows` must fit on a sheet of {_MAX_PIXELS:,} pixels, got {width} x {height}; give a "
            "smaller `side` or fewer rows, or write an HTML sheet."
        )


def _paste(
    sheet: Image.Image,
    draw: ImageDraw.ImageDraw,
    tile: Tile,
    corner: tuple[int, int],
    side: int,
    size: int,
) -> None:
    """Puts a tile's image in the middle of its square, or the reason for its absence."""
    x, y = corner
    draw.rectangle((x, y, x + side - 1, y + side - 1), fill=_GRAY)
    if tile.image is not None:
        width, height = tile.image.size
        sheet.paste(tile.image, (x + (side - width) // 2, y + (side - height) // 2))
        return
    for k, part in enumerate(_lines(tile.problem, size, side - 8)):
        draw.text((x + 4, y + 4 + k * (size + 4)), part, _FAINT, _font(size))


def _lines(text: str, size: int, width: int) -> list[str]:
    """Returns the text broken between words."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and _font(size).getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return [_cut(line, size, width) for line in lines]


def _cut(text: str, size: int, width: int) -> str:
    """Returns the text in characters of the font, at most `width` pixels long."""
    shown = "".join(_drawable(c, size) for c in printable(text[: width + 1]))
    if _font(size).getlength(shown) <= width:
        return shown
    while shown and _font(size).getlength(f"{shown}...") > width:
        shown = shown[:-1]
    return f"{shown}..."


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


@cache
def _drawable(character: str, size: int) -> str:
    """Returns the character, its letter without accent, or a question mark."""
    letter = unicodedata.normalize("NFD", character)[0]
    return next(c for c in (character, letter, "?") if _has(c, size))


def _has(character: str, size: int) -> bool:
    if character.isascii():
        return True
    font = _font(size)
    if isinstance(font, ImageFont.ImageFont):  # Pillow without FreeType has one bitmap font
        return False
    missing = bytes(font.getmask("\U0010ffff"))
    return bytes(font.getmask(character)) != missing
