"""Cells and lines of the tables, and the places of images on contact sheets."""

import json
from pathlib import Path

import pytest
import torch
from PIL import Image

from benchmarks.pretrained_page import COLUMNS, LINE, SIDE, cell, contact_sheet, write_page


def test_a_cell_is_mean_and_standard_deviation() -> None:
    assert cell([1.0, 2.0, 6.0]) == "3 ± 3"  # variance 7
    assert cell([20.0, 20.0]) == cell([20.0]) == "20"


def test_the_page_has_a_line_for_each_row(tmp_path: Path) -> None:
    rows = [
        {"method": "i.i.d.", "at a time": 20, "values": {"repeats": [0, 1], "calls": [20, 20]}},
        {"method": "HAW-C", "at a time": 1, "values": {"repeats": [2, 2], "calls": [20, 20]}},
    ]
    result = {"name": "tiny", "description": "4 latent numbers", "rows": rows}
    (tmp_path / "tiny.json").write_text(json.dumps(result))
    write_page(tmp_path, tmp_path / "page.md")
    lines = (tmp_path / "page.md").read_text().splitlines()
    assert "## tiny" in lines
    assert "| latents | at a time | repeats | calls |" in lines
    assert "| i.i.d. | 20 | 0.5 ± 0.7 | 20 |" in lines
    assert "| HAW-C | 1 | 2 | 20 |" in lines


@pytest.mark.parametrize("channels", [1, 3])
def test_a_contact_sheet_shows_every_image_below_its_name(tmp_path: Path, channels: int) -> None:
    images = torch.zeros(COLUMNS + 1, channels, 8, 8)
    images[0] = images[COLUMNS] = 1
    contact_sheet({"first": images, "second": 1 - images}, tmp_path / "sheet.png")
    sheet = Image.open(tmp_path / "sheet.png").convert("L")
    assert sheet.size == (COLUMNS * SIDE, 2 * (LINE + 2 * SIDE))

    def middle(row: int, column: int, block: int) -> float:
        top = block * (LINE + 2 * SIDE) + LINE + row * SIDE
        return sheet.getpixel((column * SIDE + SIDE // 2, top + SIDE // 2)) / 255

    assert [middle(0, column, 0) for column in range(3)] == [1, 0, 0]
    assert middle(1, 0, 0) == 1
    assert [middle(0, column, 1) for column in range(3)] == [0, 1, 1]
    assert middle(1, 1, 1) == 1  # no image there
