"""`gallery list` on stores of several kinds; nothing is written."""

from pathlib import Path

import pytest

from tests.hawc.gallery_commands.galleries import output_of, store_in


def test_each_condition_has_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    path = store_in(tmp_path)
    before = path.read_bytes()
    head, *lines = output_of(capsys, "gallery", "list", path).splitlines()
    assert head.split()[:3] == ["GALLERY", "IMAGES", "NUMBERS"]
    assert [line.split()[:3] for line in lines] == [
        *(["default", "4", "3"], ["default", "2", "2"], ["other", "0", "1"]),
    ]
    assert lines[0].endswith('  a "red" café 😀\\n<script>\\x1b[31m')
    assert lines[0].split()[3] == lines[0].split()[5]  # the dates of first and last
    assert lines[0].split()[3].startswith("20")
    assert len(lines[2].split()) == 3  # nothing was recorded
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_forgotten_images_do_not_count(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = store_in(tmp_path)
    output_of(
        capsys, *("gallery", "forget", path, "--gallery", "default", "--condition", "a dog", "1")
    )
    assert output_of(capsys, "gallery", "list", path).splitlines()[2].split()[1] == "1"


def test_an_empty_store(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty.db").touch()
    url = f"sqlite:///{tmp_path}/empty.db"
    assert output_of(capsys, "gallery", "list", url) == "no galleries\n"
    assert (tmp_path / "empty.db").stat().st_size == 0
