"""A contact sheet as one HTML file, with its images inside.

The page has no scripts and loads nothing. All texts are escaped, and a content security policy
forbids whatever an error in that would let through.
"""

import base64
import html
import io
from collections.abc import Iterable, Iterator

from PIL import Image

from hawc.printable import printable, shortened
from hawc.sheets.tile import Tile

__all__ = ["html_sheet"]

_CAPTION = 80  # characters of a condition below an image; its whole text is in the title
_STYLE = """
body {{ font: 14px sans-serif; margin: 16px; background: #fff; color: #222; }}
main {{ display: grid; gap: 8px; grid-template-columns: repeat({columns}, {side}px); }}
figure {{ margin: 0; overflow-wrap: anywhere; }}
figure > div {{ width: {side}px; height: {side}px; background: #ddd; display: flex;
  align-items: center; justify-content: center; text-align: center; color: #666; }}
figcaption {{ font-size: 12px; }}
figcaption span {{ color: #666; }}
"""


def html_sheet(tiles: Iterable[Tile], title: str, columns: int, side: int) -> Iterator[str]:
    """Yields the parts of the page.

    Args:
        tiles: in the order to show them.
        title: any text.
        columns: tiles in a row, at least 1.
        side: width and height of a tile in pixels.
    """
    heading = _text(title)
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    yield (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        f"<title>{heading}</title>\n<style>{_STYLE.format(columns=columns, side=side)}</style>\n"
        f"</head><body>\n<h1>{heading}</h1>\n<main>\n"
    )
    for tile in tiles:
        yield _figure(tile)
    yield "</main>\n</body></html>\n"


def _figure(tile: Tile) -> str:
    content = _text(tile.problem)
    if tile.image is not None:
        content = f'<img alt="{tile.id}" src="data:image/png;base64,{_encoded(tile.image)}">'
    caption = " ".join([str(tile.id), *tile.tags])
    condition = html.escape(shortened(tile.condition, _CAPTION))
    return (
        f'<figure title="{_text(tile.details)}"><div>{content}</div>'
        f"<figcaption>{_text(caption)} <span>{condition}</span></figcaption></figure>\n"
    )


def _text(text: str) -> str:
    return html.escape(printable(text, keep_newlines=True))


def _encoded(image: Image.Image) -> str:
    file = io.BytesIO()
    image.save(file, "png")
    return base64.b64encode(file.getvalue()).decode("ascii")
