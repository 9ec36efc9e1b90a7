"""The closing summary names only what there is. Whole ones: tests/test_train.py."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from commands.run.summary import (
    _launcher,
    _without_history,
    print_start,
    print_summary,
    program,
)
from tests.helpers import TinyImages, quiet_trainer, tiny_wgan

ROOT = Path(__file__).parents[3]


def test_nothing_is_promised_that_is_not_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "images").mkdir()
    print_summary(tmp_path, quiet_trainer(tmp_path))
    said = capsys.readouterr().out
    assert str(tmp_path / "images") in said
    assert not any(word in said for word in ("checkpoint", "W&B", "metrics", "what next"))


def test_start_names_the_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    print_start(tmp_path, "a.ckpt", "a notice")
    expected = f"run folder: {tmp_path}\nstarting from: a.ckpt\na notice\n"
    assert capsys.readouterr().out == expected
    print_start(tmp_path, None, None)
    assert capsys.readouterr().out == f"run folder: {tmp_path}\n"


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of programs of an environment in the working directory, none on the PATH."""
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name in ("python", "wandb", "uv"):
        (programs / name).touch(mode=0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "executable", str(programs / "python"))
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("UV_RUN_RECURSION_DEPTH", raising=False)
    return programs


def test_programs_are_named_as_the_shell_finds_them(
    environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _launcher("wandb") == (".venv/bin/wandb",)
    monkeypatch.setenv("PATH", str(environment))  # activated
    assert _launcher("wandb") == ("wandb",)
    (environment / "elsewhere").mkdir()
    monkeypatch.chdir(environment / "elsewhere")
    monkeypatch.setenv("PATH", "")
    assert _launcher("python") == (str(environment / "python"),)


def test_uv_is_named_as_the_shell_finds_it(
    environment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`uv run` puts the environment's programs first on the PATH: its child's, not the shell's."""
    monkeypatch.setenv("UV_RUN_RECURSION_DEPTH", "1")
    monkeypatch.setenv("PATH", str(environment))
    monkeypatch.setenv("UV", str(environment / "uv"))
    assert _launcher("python") == (".venv/bin/uv", "run", "python")
    elsewhere = tmp_path / "bin" / "uv"
    elsewhere.parent.mkdir()
    elsewhere.touch(mode=0o755)
    monkeypatch.setenv("UV", str(elsewhere))
    assert _launcher("wandb") == ("bin/uv", "run", "wandb")
    monkeypatch.setenv("PATH", os.pathsep.join([str(environment), str(elsewhere.parent)]))
    assert _launcher("wandb") == ("uv", "run", "wandb")


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


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"limit_train_batches": 4}, True),
        ({"limit_train_batches": 5}, False),
        ({"fast_dev_run": True}, True),
    ],
)
def test_a_run_without_a_generator_step_says_so(
    options: dict[str, Any], says: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trainer = quiet_trainer(tmp_path, **options)
    trainer.fit(tiny_wgan(n_critic=5), TinyImages(batch_size=8))
    capsys.readouterr()
    print_summary(tmp_path, trainer)
    line = "the generator made no step: its first comes after 5 of the critic, and the run ended af"
    assert (line in capsys.readouterr().out) == says


@pytest.mark.parametrize("given", [("--history", "u:secret@h"), ("--history=u:secret@h",)])
def test_no_password_is_told_again(given: tuple[str, ...]) -> None:
    arguments = ("train.py", "sample", *given, "--output", "out")
    assert list(_without_history(arguments)) == ["train.py", "sample", "--output", "out"]
