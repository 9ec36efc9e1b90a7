"""`gallery forget`: single rows, ranges, and a whole condition only on request."""

from pathlib import Path

import pytest

from hawc.history import Gallery
from tests.hawc.gallery_commands.galleries import PROMPT, error_of, output_of, store_in


def ids(path: Path, condition: str) -> list[int]:
    return [row.id for row in Gallery(path).rows(condition)]


def forget(path: Path, condition: str, *arguments: str) -> list[object]:
    return ["gallery", "forget", path, "--gallery", "default", "--condition", condition, *arguments]


def test_rows_and_ranges(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = store_in(tmp_path)
    text = output_of(capsys, *forget(path, PROMPT, "0", "2-3", "2"))
    assert text.startswith("forgot 3 of 4 images of gallery")
    assert ids(path, PROMPT) == [1]
    assert ids(path, "a dog") == [0, 1]


def test_a_whole_condition_needs_yes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = store_in(tmp_path)
    for arguments in ([], ["0-1"]):
        line = error_of(capsys, *forget(path, "a dog", *arguments))
        assert "this would forget all 2 images of gallery" in line
    assert ids(path, "a dog") == [0, 1]
    output_of(capsys, *forget(path, "a dog", "--yes"))
    assert ids(path, "a dog") == []
    assert output_of(capsys, *forget(path, "a dog", "--yes")).startswith("forgot 0 of 0")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["x"], "`ID` must be a number or a range, as 3 or 7-9, got 'x'"),
        (["1.5"], "`ID` must be a number or a range"),
        (["2"], "`ID` must be a row of the gallery, 0 to 1, or a rising range of rows, got 2"),
        (["1-0"], "`ID` must be a row of the gallery"),
        (["0-999999999999"], "`ID` must be a row of the gallery"),
        (["0", "7" * 30], "`ID` must be a number or a range"),
    ],
)
def test_wrong_ids_forget_nothing(
    arguments: list[str], complaint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = store_in(tmp_path)
    assert complaint in error_of(capsys, *forget(path, "a dog", *arguments))
    assert ids(path, "a dog") == [0, 1]


def test_a_row_is_forgotten_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = store_in(tmp_path)
    output_of(capsys, *forget(path, PROMPT, "1"))
    line = error_of(capsys, *forget(path, PROMPT, "0-1"))
    assert "`ID` must name a row that is not forgotten, got 1" in line
    assert ids(path, PROMPT) == [0, 2, 3]


def test_a_missing_condition_is_not_created(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = store_in(tmp_path)
    assert 'did you mean "a dog"?' in error_of(capsys, *forget(path, "a dogs", "--yes"))
    assert len(Gallery(path).conditions()) == 2
