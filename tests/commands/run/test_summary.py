"""What a run prints at its end, and that the printed command trains on.

Whole summaries: tests/integration/test_train.py.
"""

import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint, Timer

import train
from commands.run.folder import checkpoints_in, newest
from commands.run.summary import (
    _launcher,
    _without_history,
    continuation_options,
    newest_saved,
    print_start,
    print_summary,
    program,
    stopped_by,
)
from commands.trainer.last_checkpoint import LastCheckpoint
from tests.helpers import TinyImages, quiet_trainer, tiny_vae, tiny_wgan
from tests.integration.test_job_restarts import EXPERIMENT

ROOT = Path(__file__).parents[3]


def test_only_existing_files_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
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


def test_train_py_is_named_also_if_another_program_called_it(
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
def test_no_password_is_repeated(given: tuple[str, ...]) -> None:
    arguments = ("train.py", "sample", *given, "--output", "out")
    assert list(_without_history(arguments)) == ["train.py", "sample", "--output", "out"]


class OutOfTime(Callback):
    """Lets a timer find that its time is over, after so many epochs."""

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        for callback in trainer.callbacks:
            if isinstance(callback, Timer) and trainer.current_epoch == 1:
                callback._offset += 1000
                trainer.should_stop = True


class Says(Callback):
    """Ends a run after its second epoch, in its own way."""

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        trainer.should_stop = trainer.current_epoch == 1


NEVER_BETTER = {"monitor": "val/loss", "patience": 1, "min_delta": 1e9}


def trained(folder: Path, model: Any = None, **options: Any) -> tuple[Trainer, Path]:
    callbacks = [*options.pop("callbacks", []), LastCheckpoint(folder)]
    trainer = quiet_trainer(folder, enable_checkpointing=True, callbacks=callbacks, **options)
    trainer.fit(model or tiny_vae(), TinyImages(batch_size=24))
    return trainer, folder / "last.ckpt"


@pytest.mark.parametrize(
    ("options", "has_max_time", "expected", "who"),
    [
        ({"max_epochs": 2}, False, {"max_epochs": "4"}, None),
        ({"max_epochs": -1, "max_steps": 4}, False, {"max_steps": "8"}, None),
        ({"max_epochs": 9, "max_steps": 4}, False, {"max_epochs": "18", "max_steps": "8"}, None),
        (
            {"max_epochs": 9, "callbacks": [EarlyStopping(**NEVER_BETTER)]},
            *(False, {"max_epochs": "18", "min_epochs": "4"}, "EarlyStopping"),
        ),
        (
            {"max_epochs": 9, "callbacks": [Says()]},
            *(False, {"max_epochs": "18", "min_epochs": "4"}, "the callback that ended it"),
        ),
        (
            {"max_epochs": -1, "max_time": "00:00:10:00", "callbacks": [OutOfTime()]},
            *(True, {"max_time": "00:00:20:00"}, "Timer"),
        ),
        (
            {"max_epochs": -1, "callbacks": [Timer("01:12:00:00"), OutOfTime(), Says()]},
            *(False, {"min_epochs": "4"}, "the callback that ended it"),
        ),
    ],
)
def test_each_limit_that_ended_a_run_is_doubled(
    options: dict[str, Any],
    has_max_time: bool,
    expected: dict[str, str],
    who: str | None,
    tmp_path: Path,
) -> None:
    trainer, file = trained(tmp_path, **options)
    found = continuation_options(trainer, file, has_max_time)
    assert found == {f"--trainer.{name}": value for name, value in expected.items()}
    assert stopped_by(trainer) == who


def test_a_batch_of_two_steps_may_be_beyond_the_limit(tmp_path: Path) -> None:
    trainer, file = trained(tmp_path, tiny_wgan(n_critic=1), max_epochs=-1, max_steps=1)
    assert continuation_options(trainer, file) == {"--trainer.max_steps": "4"}


def test_a_run_within_its_limits_needs_no_option(tmp_path: Path) -> None:
    class Fails(Callback):
        def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
            if trainer.current_epoch == 1:
                raise RuntimeError

    save = LastCheckpoint(tmp_path)
    trainer = quiet_trainer(
        tmp_path, max_epochs=2, enable_checkpointing=True, callbacks=[Fails(), save]
    )
    with pytest.raises(RuntimeError):
        trainer.fit(tiny_vae(), TinyImages(batch_size=24))
    assert continuation_options(trainer, tmp_path / "last.ckpt") == {}
    assert stopped_by(trainer) is None


def test_the_newest_whole_checkpoint_is_what_a_run_goes_on_from(tmp_path: Path) -> None:
    run, own = tmp_path / "run", tmp_path / "own"
    thin = ModelCheckpoint(run, "thin", save_weights_only=True)
    whole = ModelCheckpoint(own, "a/{epoch}", monitor="val/loss", mode="max")
    trainer = quiet_trainer(run, max_epochs=2, enable_checkpointing=True, callbacks=[thin, whole])
    assert newest_saved(run, trainer) is None
    trainer.fit(tiny_vae(), TinyImages(batch_size=24))
    best = Path(whole.best_model_path)
    (own / "others.ckpt").write_bytes(best.read_bytes())
    assert best.parent == own / "a"
    assert newest_saved(run, trainer) == best
    best.unlink()
    assert newest_saved(run, trainer) == run / "thin.ckpt"  # better than none, to sample from


@pytest.fixture
def experiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    monkeypatch.chdir(tmp_path)
    Path("tiny.yaml").write_text(yaml.safe_dump(EXPERIMENT))
    return lambda *options: train.main([*options])


@pytest.mark.parametrize(
    "end",
    [
        ("[tests.commands.run.test_summary.OutOfTime]", "--trainer.max_time", "00:00:10:00"),
        (yaml.safe_dump([{"class_path": "EarlyStopping", "init_args": NEVER_BETTER}]),),
    ],
    ids=["time", "early stopping"],
)
def test_the_printed_command_trains_on(
    end: tuple[str, ...],
    experiment: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    def steps(name: str) -> int:
        found = checkpoints_in(Path("runs") / name)
        return int(torch.load(newest(found), weights_only=True)["global_step"])

    callbacks, *options = end
    limits = ("--trainer.max_epochs", "50", "--run_folder", "runs/first")
    experiment("--config", "tiny.yaml", "--trainer.callbacks", callbacks, *options, *limits)
    first = steps("first")
    (line,) = [x for x in capsys.readouterr().out.splitlines() if "train on" in x]
    words = shlex.split(line.partition(": ")[2])  # the path of train.py may hold spaces
    arguments = words[next(i for i, word in enumerate(words) if word.endswith("train.py")) + 1 :]
    experiment(*arguments, "--run_folder", "runs/second")
    assert steps("second") >= first + 6  # two epochs of three batches, as many as before
