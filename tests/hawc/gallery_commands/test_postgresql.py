"""All commands on a server, whose password is in no output."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from hawc.gallery_commands import main
from tests.hawc.gallery_commands.galleries import error_of, fill, output_of


def test_all_commands(
    postgresql: Callable[[], str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = re.sub("//([^@]*)@", r"//\1:hunter2@", postgresql())
    fill(url)
    text = output_of(capsys, "gallery", "list", url)
    assert [line.split()[:2] for line in text.splitlines()[1:]] == [
        *(["default", "4"], ["default", "2"], ["other", "0"]),
    ]
    place = ("--gallery", "default", "--condition", "a dog")
    text += output_of(capsys, "gallery", "show", url, *place)
    text += output_of(capsys, "gallery", "forget", url, *place, 1)
    text += output_of(capsys, "gallery", "export", url, *place, tmp_path / "x.npz")
    text += output_of(capsys, "gallery", "sheet", url, *place, tmp_path / "x.html")
    assert "no folder is given" not in text
    text += error_of(capsys, "gallery", "show", url, "--gallery", "defaults")
    text += error_of(capsys, "gallery", "show", url, "--id", "x")
    text += error_of(capsys, "gallery", "list", url, url)
    text += error_of(capsys, "gallery", "list", f"{url}&nonsense=1")
    text += error_of(capsys, "gallery", "list", re.sub("//.*:", "//other:", url), status=1)
    assert "hunter2" not in text
    assert main(["gallery", "list", url]) == 0
    assert "1" in capsys.readouterr().out.splitlines()[2].split()


def test_a_database_without_galleries(
    postgresql: Callable[[], str], capsys: pytest.CaptureFixture[str]
) -> None:
    url = postgresql()
    assert output_of(capsys, "gallery", "list", url) == "no galleries\n"
    assert "got one that holds none" in error_of(capsys, "gallery", "show", url)
