"""The HTML sheet: one file with its images inside, and no text that becomes markup."""

import base64
import io
import re
from html.parser import HTMLParser

from PIL import Image

from hawc.sheets.html_sheet import html_sheet
from hawc.sheets.tile import Tile
from tests.hawc.sheets.rows import colors

HOSTILE = "\"><script>alert(1)</script><img src=x onerror=alert(2)>'&\x1b[0m\u202e"


class Elements(HTMLParser):
    """Collects the elements and texts of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def page(*tiles: Tile, title: str = "gallery", columns: int = 4, side: int = 32) -> str:
    return "".join(html_sheet(tiles, title, columns, side))


def test_each_tile_has_image_caption_and_title() -> None:
    image = Image.new("RGB", (8, 4), "red")
    parsed = Elements(page(Tile(image, "", 7, ("good",), "a 😀 cup", "id: 7\ncondition: a 😀 cup")))
    attributes = dict(parsed.elements)
    assert attributes["figure"]["title"] == "id: 7\ncondition: a 😀 cup"
    assert "7 good a 😀 cup" in parsed.text
    source = attributes["img"]["src"] or ""
    data = base64.b64decode(source.removeprefix("data:image/png;base64,"))
    shown = Image.open(io.BytesIO(data))
    assert (shown.size, colors(shown)) == ((8, 4), {(255, 0, 0)})


def test_texts_stay_texts() -> None:
    tile = Tile(None, "no image", 1, (HOSTILE,), HOSTILE, HOSTILE)
    text = page(tile, title=HOSTILE)
    parsed = Elements(text)
    assert {name for name, _ in parsed.elements} == {
        *("html", "head", "meta", "title", "style", "body", "h1", "main"),
        *("figure", "div", "figcaption", "span"),
    }
    assert not any(key.startswith("on") for _, attrs in parsed.elements for key in attrs)
    assert "\x1b" not in text
    assert "\u202e" not in text
    (title,) = (attrs["title"] for name, attrs in parsed.elements if name == "figure")
    assert title == HOSTILE.replace("\x1b", "\\x1b").replace("\u202e", "\\u202e")


def test_the_page_loads_nothing() -> None:
    text = page(Tile(Image.new("RGB", (4, 4)), "", 0, (), "", "id: 0"))
    assert "default-src 'none'" in text
    assert not re.search(r"https?:|@import|url\(|<script|<link", text)


def test_long_conditions_are_cut_in_captions_only() -> None:
    tile = Tile(None, "no image", 1, (), "x" * 500, f"condition: {'x' * 500}")
    parsed = Elements(page(tile))
    assert "x" * 80 not in parsed.text
    assert dict(parsed.elements)["figure"]["title"] == tile.details


def test_lone_surrogates_can_be_written() -> None:
    assert "\\udc80" in page(Tile(None, "", 1, (), "\udc80", "")).encode("utf-8").decode()
