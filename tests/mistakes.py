"""Runs mistakes of the command line: status 2, one plain line on stderr, nothing written."""

import re
import sys
from pathlib import Path

import pytest

import train

BASE = ("--config", str(Path(__file__).parent.parent / "configs" / "energy_vae_mnist5k.yaml"))

Mistake = tuple[str, tuple[str, ...], str]
"""Name, arguments, a pattern of the line."""


def each_mistake(table: list[Mistake]) -> pytest.MarkDecorator:
    """Runs a test with each row of a table as its `mistake`."""
    return pytest.mark.parametrize("mistake", table, ids=[name for name, _, _ in table])


def check_refusal(
    mistake: Mistake,
    workplace: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Runs a command in the workplace, which must end with one line and write nothing."""
    _, arguments, expected = mistake
    monkeypatch.chdir(workplace)
    monkeypatch.setattr(sys, "argv", ["train.py"])
    before = _modification_times()
    with pytest.raises(SystemExit) as ended:
        train.main(list(arguments))
    output = capfd.readouterr()
    assert ended.value.code == 2
    assert output.out == ""
    lines = output.err.splitlines()
    assert len(lines) == 1, output.err
    assert lines[0].startswith("train.py: error: ")
    assert re.search(expected, lines[0]), lines[0]
    assert len(lines[0]) < 500
    assert _modification_times() == before


def _modification_times() -> dict[Path, int]:
    """Returns the time of the last write of each file, 0 for folders."""
    return {path: path.stat().st_mtime_ns if path.is_file() else 0 for path in Path().rglob("*")}
