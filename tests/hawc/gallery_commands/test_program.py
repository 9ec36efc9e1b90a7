"""The program as a whole: help, errors in one line, status, passwords, pipes."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from hawc.gallery_commands import main
from hawc.gallery_commands.program import _without_passwords
from tests.hawc.gallery_commands.galleries import error_of, store_in


def test_help_is_for_strangers(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ([], ["--help"], ["gallery"], ["gallery", "--help"]):
        assert main(arguments) == 0
        text = capsys.readouterr().out
        assert "A store is a SQLite file or a PostgreSQL database" in text
        assert "python -m hawc gallery list images.db" in text
    assert main(["gallery", "forget", "--help"]) == 0
    assert "rows, as 3 or 7-9" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["galery"], "invalid choice: 'galery'"),
        (["gallery", "lst", "x.db"], "invalid choice: 'lst'"),
        (["gallery", "list"], "the following arguments are required: URL"),
        (["gallery", "list", "a", "b\x1b"], r"unrecognized arguments: b\\x1b; see"),
        (["gallery", "show", "a", "--gal", "x"], "unrecognized arguments: --gal x"),
        (["gallery", "show", "a", "--id", "x"], "--id: must be a whole number .* got 'x'"),
        (["gallery", "sheet", "a", "b.png", "--side", "8"], "--side: must .* at least 16"),
        (["gallery", "forget", "a.db", "3"], "required: --gallery"),
        (["gallery", "list", "mysql://u:secret@h/x"], "`url` must be like"),
        (["gallery", "list", "no where.db"], "no such file"),
    ],
)
def test_mistakes(arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]) -> None:
    line = error_of(capsys, *arguments)
    assert re.search(complaint, line), line
    assert "secret" not in line


def test_a_store_that_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "text.db").write_text("no database" * 100)
    line = error_of(capsys, "gallery", "list", tmp_path / "text.db", status=1)
    assert "is no SQLite database" in line
    unreachable = "postgresql://user:secret@127.0.0.1:1/x?connect_timeout=1"
    line = error_of(capsys, "gallery", "list", unreachable, status=1)
    assert "cannot be read" in line
    assert "secret" not in line


def test_a_sheet_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("gallery", "sheet", store_in(tmp_path), tmp_path / "no where" / "x.png")
    assert "cannot be read or written" in error_of(capsys, *arguments, status=1)


@pytest.mark.parametrize(
    "message",
    [
        "unrecognized arguments: postgresql://user:secret@host/database",
        "invalid choice: 'postgresql+psycopg://user:sec:secret@h/d'",
        "got postgresql://host/d?user=a&password=secret",
        "got 'postgresql://host/d?sslpassword=secret'",
    ],
)
def test_no_message_has_a_password(message: str) -> None:
    assert "secret" not in _without_passwords(message)
    assert "postgresql" in _without_passwords(message)


def test_a_misplaced_url_shows_no_password(capsys: pytest.CaptureFixture[str]) -> None:
    line = error_of(capsys, "gallery", "list", "x.db", "postgresql://user:secret@host/database")
    assert "secret" not in line


def test_it_runs_as_a_module_with_any_encoding_and_a_closed_pipe(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hawc", "gallery", "show", str(store_in(tmp_path))]
    environment = {"PYTHONIOENCODING": "ascii", "OMP_NUM_THREADS": "1"}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert "\\xe9 \\U0001f600" in result.stdout
    assert result.stderr == ""
    piped = f"{' '.join(map(repr, command))} | true"
    closed = subprocess.run(piped, shell=True, env=environment, capture_output=True, text=True)
    assert closed.stderr == ""
