"""The closing summary names only what there is. Whole ones: tests/test_train.py."""

from pathlib import Path

import pytest

from commands.summary import print_start, print_summary
from tests.helpers import quiet_trainer


def test_nothing_is_promised_that_is_not_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pictures").mkdir()
    print_summary(tmp_path, quiet_trainer(tmp_path))
    said = capsys.readouterr().out
    assert str(tmp_path / "pictures") in said
    assert not any(word in said for word in ("checkpoint", "W&B", "metrics", "what next"))


def test_start_names_the_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    print_start(tmp_path, "a notice")
    assert capsys.readouterr().out == f"run folder: {tmp_path}\na notice\n"
