"""How the tables of mistakes are run: status 2, one plain line on stderr, nothing written."""

import re
import sys
from pathlib import Path

import pytest

import train

BASE = ("--config", str(Path(__file__).parent.parent / "configs" / "energy_vae_mnist5k.yaml"))

Mistake = tuple[str, tuple[str, ...], str]
"""Name, arguments, what the line must say."""


def each_mistake(table: list[Mistake]) -> pytest.MarkDecorator:
    """Runs a test with every row of a table as its `mistake`."""
    return pytest.mark.parametrize("mistake", table, ids=[name for name, _, _ in table])


def check_refusal(
    mistake: Mistake,
    workplace: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Runs a command in the workplace, where it must end with the line and write nothing."""
    _, arguments, expected = mistake
    monkeypatch.chdir(workplace)
    monkeypatch.setattr(sys, "argv", ["train.py"])
    before = _written()
    with pytest.raises(SystemExit) as ended:
        train.main(list(arguments))
    said = capfd.readouterr()
    assert ended.value.code == 2
    assert said.out == ""
    lines = said.err.splitlines()
    assert len(lines) == 1, said.err
    assert lines[0].startswith("train.py: error: ")
    assert re.search(expected, lines[0]), lines[0]
    assert len(lines[0]) < 500
    assert _written() == before


def _written() -> dict[Path, int]:
    """Returns when each file was written last; of a folder only that it is there."""
    return {path: path.stat().st_mtime_ns if path.is_file() else 0 for path in Path().rglob("*")}
