"""The closing summary names only what there is. Whole ones: tests/test_train.py."""

import sys
from pathlib import Path

import pytest

from commands.summary import (
    _launcher,
    _twice_as_long,
    _without_history,
    print_start,
    print_summary,
)
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
    print_start(tmp_path, "a.ckpt", "a notice")
    expected = f"run folder: {tmp_path}\nstarting from: a.ckpt\na notice\n"
    assert capsys.readouterr().out == expected
    print_start(tmp_path, None, None)
    assert capsys.readouterr().out == f"run folder: {tmp_path}\n"


def test_commands_are_started_the_way_this_program_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_RUN_RECURSION_DEPTH", "1")
    assert _launcher("wandb") == ("uv", "run", "wandb")
    monkeypatch.delenv("UV_RUN_RECURSION_DEPTH")
    monkeypatch.setenv("PATH", "")
    assert _launcher("wandb") == (str(Path(sys.executable).with_name("wandb")),)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    assert _launcher("python") == ("python",)


def test_every_limit_is_doubled(tmp_path: Path) -> None:
    both = quiet_trainer(tmp_path, max_epochs=3, max_steps=50)
    assert _twice_as_long(both) == ("--trainer.max_epochs", "6", "--trainer.max_steps", "100")
    assert _twice_as_long(quiet_trainer(tmp_path, max_epochs=-1)) == ()


@pytest.mark.parametrize("given", [("--history", "u:secret@h"), ("--history=u:secret@h",)])
def test_no_password_is_told_again(given: tuple[str, ...]) -> None:
    arguments = ("train.py", "sample", *given, "--output", "out")
    assert list(_without_history(arguments)) == ["train.py", "sample", "--output", "out"]
