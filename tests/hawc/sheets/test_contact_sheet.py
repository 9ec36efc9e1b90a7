"""Contact sheets in one call: PNG and HTML, written whole or not at all."""

import sys
from importlib import machinery
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import hawc.history
from hawc import DatabaseHistory, StandardNormal
from hawc.history import Gallery
from hawc.sheets import contact_sheet
from tests.hawc.sheets.rows import colors, row_of, save_image


def decode(latents: torch.Tensor) -> torch.Tensor:
    return latents.sigmoid().reshape(-1, 1, 4, 4)


@pytest.mark.parametrize("suffix", ["png", "html", "PNG"])
def test_a_sheet_replaces_a_file_in_a_folder_with_a_space(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a sheet.{suffix}"
    path.write_text("old")
    rows = [row_of(i, latent=torch.zeros(16)) for i in range(9)]
    contact_sheet(iter(rows), str(path), decode=decode)
    assert path.read_bytes()[:9] in (b"<!DOCTYPE", b"\x89PNG\r\n\x1a\n\0")
    assert list(tmp_path.iterdir()) == [path]


def test_a_thousand_rows(tmp_path: Path) -> None:
    rows = [row_of(i, seed=i) for i in range(1000)]
    path = tmp_path / "sheet.png"
    contact_sheet(rows, path, decode=lambda seed: np.full((8, 8), seed / 1000), side=16)
    with Image.open(path) as sheet:
        assert sheet.width == 2 * 12 + 32 * (16 + 6) - 6  # the root of 1,000 is 31.6


def test_files_are_read_from_the_folder_alone(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    save_image(tmp_path / "store" / "in.png", color="lime")
    save_image(tmp_path / "out.png", color="blue")
    rows = [row_of(i, metadata={"file": name}) for i, name in enumerate(("in.png", "../out.png"))]
    path = tmp_path / "sheet.png"
    seen = []
    for options in ({"folder": tmp_path / "store"}, {"folder": tmp_path}, {}):
        contact_sheet(rows, path, **options)
        with Image.open(path) as sheet:
            seen.append({(0, 255, 0), (0, 0, 255)} & colors(sheet))
    assert seen == [{(0, 255, 0)}, set(), set()]


def test_a_history_or_gallery_shows_files_beside_its_store(tmp_path: Path) -> None:
    folder = tmp_path / "a folder"
    folder.mkdir()
    save_image(folder / "a.png", color="lime")
    history = DatabaseHistory(folder / "x?%.db", StandardNormal(16), create=True)
    history.append(torch.zeros(2, 16), expected_length=0, metadata={"file": "a.png"})
    history.forget([1])
    for rows in (history, Gallery(folder / "x?%.db")):
        hawc.history.contact_sheet(rows, tmp_path / "sheet.png", side=16)
        with Image.open(tmp_path / "sheet.png") as sheet:
            assert (0, 255, 0) in colors(sheet)
    hawc.history.contact_sheet(history, tmp_path / "sheet.png", decode=decode, side=16)
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert {(128, 128, 128), (255, 255, 255)} <= colors(sheet)
        assert (0, 255, 0) not in colors(sheet)


def test_the_title_is_gallery_and_condition(tmp_path: Path) -> None:
    path = tmp_path / "sheet.html"
    for rows, title in (
        ([row_of(0, condition="a <cup>")], "default · a &lt;cup&gt; · 1 image"),
        ([row_of(0, condition="a"), row_of(1, condition="b")], "default · 2 images"),
    ):
        contact_sheet(rows, path)
        assert f"<h1>{title}</h1>" in path.read_text(encoding="utf-8")
    contact_sheet([row_of()], path, title="mine", columns=3, side=40)
    text = path.read_text(encoding="utf-8")
    assert "<h1>mine</h1>" in text
    assert "repeat(3, 40px)" in text


def test_an_error_leaves_the_file(tmp_path: Path) -> None:
    for suffix in ("png", "html"):
        path = tmp_path / f"sheet.{suffix}"
        path.write_text("old")
        with pytest.raises(ZeroDivisionError):
            contact_sheet([row_of(seed=0), row_of(seed=1)], path, decode=lambda seed: 1 / 0)
        assert path.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"path": "a.jpg"}, "`path` must end in '.png' or '.html', got 'a.jpg'"),
        ({"side": 8}, "`side` must be at least 16, got 8"),
        ({"columns": 0}, "`columns` must be at least 1, got 0"),
        ({"rows": []}, "`rows` must have at least one row, got none"),
    ],
)
def test_refusals(options: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        contact_sheet(**{"rows": [row_of()], "path": "a.png", **options})


def test_pillow_is_named_if_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str, *_: object) -> None:
        return None

    monkeypatch.delitem(sys.modules, "PIL")
    monkeypatch.setattr(machinery.PathFinder, "find_spec", missing)
    with pytest.raises(ValueError, match=r"need Pillow, which is not .* 'hawc\[images\]'"):
        contact_sheet([row_of()], "a.png")
