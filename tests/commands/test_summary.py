"""The closing summary names only what there is. Whole ones: tests/test_train.py."""

import os
import sys
from pathlib import Path

import pytest

from commands.summary import (
    _launcher,
    _without_history,
    print_start,
    print_summary,
    program,
)
from tests.helpers import TinyImages, quiet_trainer, tiny_wgan

ROOT = Path(__file__).parent.parent.parent


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


def test_the_program_is_named_also_where_another_one_called_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for called in (["ipykernel_launcher.py", "-f", "x.json"], ["-c"], [""], []):
        monkeypatch.setattr(sys, "argv", called)
        assert program() == str(ROOT / "train.py")
    monkeypatch.setattr(sys, "argv", [os.path.relpath(ROOT / "train.py")])
    assert program() == os.path.relpath(ROOT / "train.py")  # as it was typed
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "argv", ["notebook"])
    assert program() == "train.py"


@pytest.mark.parametrize(("batches", "says"), [(4, True), (5, False)])
def test_a_run_without_a_generator_step_says_so(
    batches: int, says: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trainer = quiet_trainer(tmp_path, limit_train_batches=batches)
    trainer.fit(tiny_wgan(n_critic=5), TinyImages(batch_size=8))
    capsys.readouterr()
    print_summary(tmp_path, trainer)
    line = "the generator made no step: its first comes after 5 of the critic, and the run ended af"
    assert (line in capsys.readouterr().out) == says


@pytest.mark.parametrize("given", [("--history", "u:secret@h"), ("--history=u:secret@h",)])
def test_no_password_is_told_again(given: tuple[str, ...]) -> None:
    arguments = ("train.py", "sample", *given, "--output", "out")
    assert list(_without_history(arguments)) == ["train.py", "sample", "--output", "out"]
