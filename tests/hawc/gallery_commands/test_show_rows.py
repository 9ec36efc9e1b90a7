"""`gallery show`: all rows, those of a condition or a tag, one row whole."""

from pathlib import Path

import pytest
import torch

from hawc import DatabaseHistory, StandardNormal
from hawc.history import Gallery
from tests.hawc.gallery_commands.galleries import PROMPT, error_of, output_of, store_in


def test_rows_by_condition(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = output_of(capsys, "gallery", "show", store_in(tmp_path)).splitlines()
    assert lines[0] == 'condition: a "red" café 😀\\n<script>\\x1b[31m'
    assert lines[1] == "images: 4"
    assert lines[2].split() == ["ID", "TIME", "(UTC)", "IMAGE", "TAGS", "METADATA"]
    assert [line.split()[0] for line in lines[3:7]] == ["0", "1", "2", "3"]
    assert [line.split()[3] for line in lines[3:7]] == ["latent"] * 4
    assert "good" in lines[4]
    assert lines[4].endswith("...")
    assert max(map(len, lines[3:7])) == 80
    assert lines[7:10] == ["", "condition: a dog", "images: 2"]
    assert [line.split()[3:] for line in lines[11:]] == [
        *(["seed", "7", "kept"], ["seed", "8", "kept"]),
    ]


def test_rows_of_a_condition_or_a_tag(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = store_in(tmp_path)
    text = output_of(capsys, "gallery", "show", path, "--condition", PROMPT, "--tag", "good")
    assert [line.split()[0] for line in text.splitlines()[3:]] == ["1", "3"]
    text = output_of(capsys, "gallery", "show", path, "--gallery", "other")
    assert text == "condition:\nimages: 0\n"


def test_a_long_condition_is_shown_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    DatabaseHistory(tmp_path / "x.db", StandardNormal(1), condition="x" * 5000, create=True)
    assert "x" * 5000 in output_of(capsys, "gallery", "show", tmp_path / "x.db")


def test_one_row_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = store_in(tmp_path)
    text = output_of(capsys, "gallery", "show", path, "--condition", PROMPT, "--id", 1)
    fields = dict(line.split(": ", 1) for line in text.splitlines())
    assert fields["id"].strip() == "1"
    assert fields["tags"].strip() == "good"
    assert fields["latent"].strip() == "3 numbers of length 7.071: 3 4 5"
    assert "x" * 300 in fields["metadata"]
    text = output_of(capsys, "gallery", "show", path, "--condition", "a dog", "--id", 0)
    assert "seed:      7\ngenerator: turbo\nfeatures:  2 numbers" in text


def test_rows_that_do_not_exist(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    show = ("gallery", "show", store_in(tmp_path))
    assert "`--condition` must name" in error_of(capsys, *show, "--id", 1)
    assert "did you mean" in error_of(capsys, *show, "--condition", "a dogg")
    dog = (*show, "--condition", "a dog")
    assert "must be that of one of 2 rows, counted from 0, got 2" in error_of(
        capsys, *dog, "--id", 2
    )
    Gallery(show[2]).history("a dog").forget([1])
    assert "row 1 is forgotten" in error_of(capsys, *dog, "--id", 1)


def test_a_thousand_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    history = DatabaseHistory(tmp_path / "x.db", StandardNormal(2), create=True)
    history.append(torch.zeros(1000, 2), expected_length=0)
    text = output_of(capsys, "gallery", "show", tmp_path / "x.db")
    assert text.splitlines()[1] == "images: 1,000"
    assert len(text.splitlines()) == 3 + 1000
