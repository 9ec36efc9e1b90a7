"""`gallery sheet`: images from the files that rows name, in the store's folder."""

from pathlib import Path

import pytest
from PIL import Image

from tests.hawc.gallery_commands.galleries import PROMPT, error_of, output_of, store_in
from tests.hawc.sheets.rows import colors, save_image


def test_files_beside_the_store(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, sheet = store_in(tmp_path), tmp_path / "a sheet.png"
    save_image(tmp_path / "2.png", color="lime")
    command = ("gallery", "sheet", path, sheet, "--condition", PROMPT, "--columns", 2)
    assert output_of(capsys, *command, "--side", 40) == f"wrote 4 images to {sheet}\n"
    with Image.open(sheet) as image:
        assert image.width == 2 * 12 + 2 * (40 + 6) - 6
        assert (0, 255, 0) in colors(image)


def test_another_folder_on_request(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "elsewhere").mkdir()
    save_image(tmp_path / "elsewhere" / "0.png", color="lime")
    command = ("gallery", "sheet", store_in(tmp_path), tmp_path / "sheet.png", "--folder")
    for folder, seen in (("elsewhere", True), ("nowhere", False)):
        output_of(capsys, *command, tmp_path / folder)
        with Image.open(tmp_path / "sheet.png") as image:
            assert ((0, 255, 0) in colors(image)) == seen


def test_all_conditions_on_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sheet = tmp_path / "sheet.html"
    output_of(capsys, "gallery", "sheet", store_in(tmp_path), sheet)
    text = sheet.read_text(encoding="utf-8")
    assert text.count("<figure") == 6
    assert "&lt;script&gt;" in text
    assert "<script" not in text


def test_rows_without_files_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ("gallery", "sheet", store_in(tmp_path), tmp_path / "x.png", "--condition", "a dog")
    assert "note: no row names an image file" in output_of(capsys, *command)


def test_refusals(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sheet = ("gallery", "sheet", store_in(tmp_path))
    assert "`path` must end in '.png' or '.html'" in error_of(capsys, *sheet, tmp_path / "x.pdf")
    other = (*sheet, tmp_path / "x.png", "--gallery", "other")
    assert "must have at least one row" in error_of(capsys, *other)
    assert not (tmp_path / "x.png").exists()
