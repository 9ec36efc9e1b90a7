"""The image sheet: tiles in their places, captions in the font's characters."""

import pytest
from PIL import Image

from hawc.sheets.image_sheet import image_sheet
from hawc.sheets.tile import Tile

SIDE, STEP = 32, 32 + 6


def tile(id: int = 0, color: str | None = "red", condition: str = "", problem: str = "") -> Tile:
    image = None if color is None else Image.new("RGB", (SIDE, SIDE // 2), color)
    return Tile(image, problem, id, (), condition, "")


def test_images_are_in_the_middle_of_their_squares() -> None:
    sheet = image_sheet([tile(0, "red"), tile(1, "blue"), tile(2, "lime")], "", 2, SIDE)
    line = 14  # a font of 10 pixels, and 4 between lines
    top = 12 + 2 * line
    middle = top + SIDE // 2
    assert sheet.getpixel((12 + SIDE // 2, middle)) == (255, 0, 0)
    assert sheet.getpixel((12 + STEP + SIDE // 2, middle)) == (0, 0, 255)
    assert sheet.getpixel((12 + SIDE // 2, middle + STEP + line)) == (0, 255, 0)
    assert sheet.getpixel((12, top)) == (0xDD,) * 3  # above an image that is less high
    assert sheet.size == (2 * 12 + STEP + SIDE, top + 2 * (STEP + line) + 12)


def test_conditions_are_shown_where_they_differ() -> None:
    same = image_sheet([tile(0, condition="a"), tile(1, condition="a")], "", 2, SIDE)
    differ = image_sheet([tile(0, condition="a"), tile(1, condition="b")], "", 2, SIDE)
    assert differ.height == same.height + 14


def test_a_missing_image_says_why() -> None:
    silent = image_sheet([tile(color=None)], "", 1, SIDE)
    assert (
        silent.tobytes()
        != image_sheet([tile(color=None, problem="missing")], "", 1, SIDE).tobytes()
    )


@pytest.mark.parametrize("text", ["漢字 😀", "x" * 10**6, "\x1b[31m\n\0", "", "\udc80"])
def test_any_text_can_be_shown(text: str) -> None:
    sheet = image_sheet([tile(1, None, text, text), tile(2)], text, 2, SIDE)
    assert sheet.width == 2 * 12 + STEP + SIDE


def test_accents_are_lost_and_other_characters_are_marked() -> None:
    def shown(title: str) -> bytes:
        return image_sheet([tile()], title, 8, SIDE).tobytes()

    assert shown("Zürich café") == shown("Zurich cafe")
    assert shown("漢😀") == shown("??") != shown("")


def test_a_sheet_has_a_largest_size() -> None:
    with pytest.raises(ValueError, match=r"`rows` must fit on a sheet of 200,000,000 pixels, got"):
        image_sheet([tile()] * 300, "", 10, 1024)
