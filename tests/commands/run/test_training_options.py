"""What is printed at the end of a run trains on, whatever ended it."""

import shlex
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
from commands.run.training_options import options_to_go_on, saved_by_run, stopped_by
from commands.trainer.last_checkpoint import LastCheckpoint
from tests.helpers import TinyImages, quiet_trainer, tiny_vae, tiny_wgan
from tests.test_job_restarts import EXPERIMENT


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
    found = options_to_go_on(trainer, file, has_max_time)
    assert found == {f"--trainer.{name}": value for name, value in expected.items()}
    assert stopped_by(trainer) == who


def test_a_batch_of_two_steps_may_be_beyond_the_limit(tmp_path: Path) -> None:
    trainer, file = trained(tmp_path, tiny_wgan(n_critic=1), max_epochs=-1, max_steps=1)
    assert options_to_go_on(trainer, file) == {"--trainer.max_steps": "4"}


def test_a_run_within_its_limits_goes_on_as_it_is(tmp_path: Path) -> None:
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
    assert options_to_go_on(trainer, tmp_path / "last.ckpt") == {}
    assert stopped_by(trainer) is None


def test_the_newest_whole_checkpoint_is_what_a_run_goes_on_from(tmp_path: Path) -> None:
    run, own = tmp_path / "run", tmp_path / "own"
    thin = ModelCheckpoint(run, "thin", save_weights_only=True)
    whole = ModelCheckpoint(own, "a/{epoch}", monitor="val/loss", mode="max")
    trainer = quiet_trainer(run, max_epochs=2, enable_checkpointing=True, callbacks=[thin, whole])
    assert saved_by_run(run, trainer) is None
    trainer.fit(tiny_vae(), TinyImages(batch_size=24))
    best = Path(whole.best_model_path)
    (own / "others.ckpt").write_bytes(best.read_bytes())
    assert best.parent == own / "a"
    assert saved_by_run(run, trainer) == best
    best.unlink()
    assert saved_by_run(run, trainer) == run / "thin.ckpt"  # better than none, to sample from


@pytest.fixture
def experiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    monkeypatch.chdir(tmp_path)
    Path("tiny.yaml").write_text(yaml.safe_dump(EXPERIMENT))
    return lambda *options: train.main([*options])


@pytest.mark.parametrize(
    "end",
    [
        ("[tests.commands.test_going_on.OutOfTime]", "--trainer.max_time", "00:00:10:00"),
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
    experiment(*shlex.split(line.partition("train.py ")[2]), "--run_folder", "runs/second")
    assert steps("second") >= first + 6  # two epochs of three batches, as many as before
