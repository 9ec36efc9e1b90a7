"""A run whose folder is removed, renamed or replaced says so, and makes no new folder."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger

from callbacks.base.images import LoggedImage, log_image
from callbacks.base.run_folder import RunFolderCheck, RunFolderLostError, check_run_folder
from commands.trainer.best_checkpoint import BestCheckpoint
from commands.trainer.last_checkpoint import LastCheckpoint
from tests.helpers import TinyImages, quiet_trainer, tiny_vae


def remove(folder: Path) -> None:
    shutil.rmtree(folder)


def rename(folder: Path) -> None:
    folder.rename(folder.with_name("renamed"))


def replace(folder: Path) -> None:
    rename(folder)
    folder.mkdir()


class Loses(Callback):
    """Loses the folder in a hook, once, in the second epoch."""

    def __init__(self, hook: str, lose: Callable[[Path], None], folder: Path) -> None:
        self._lose, self._folder = lose, folder
        setattr(self, hook, self._act)

    def _act(self, trainer: Trainer, *_: Any) -> None:
        if trainer.current_epoch == 1 and self._lose:
            self._lose(self._folder)
            self._lose = lambda _: None


class WritesImages(Callback):
    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        log_image(trainer, LoggedImage("new", torch.zeros(3, 4, 4), ""), trainer.current_epoch)


@pytest.mark.parametrize(
    ("hook", "lose"),
    [
        ("on_train_batch_start", rename),
        ("on_validation_start", remove),
        ("on_validation_end", replace),
        ("on_train_epoch_end", rename),
    ],
)
@pytest.mark.filterwarnings("ignore:Experiment logs directory")
def test_a_lost_folder_ends_the_run(
    hook: str, lose: Callable[[Path], None], tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    own = [Loses(hook, lose, folder), WritesImages(), RunFolderCheck()]
    saves = [LastCheckpoint(folder / "checkpoints"), BestCheckpoint(folder / "checkpoints")]
    trainer = quiet_trainer(
        folder,
        max_epochs=3,
        callbacks=[*own, *saves],
        enable_checkpointing=True,
        logger=CSVLogger(folder, name="", version=""),
        log_every_n_steps=1,
    )
    with pytest.raises(RunFolderLostError, match=r"run folder '.*run' was removed, renamed or rep"):
        trainer.fit(tiny_vae(), datamodule=TinyImages(batch_size=24))
    assert (list(folder.iterdir()) if lose is replace else list(tmp_path.glob("run"))) == []
    if lose is not remove:
        saved = torch.load(tmp_path / "renamed/checkpoints/last.ckpt", weights_only=True)
        assert saved["epoch"] == 0


@pytest.mark.filterwarnings("ignore:Experiment logs directory")
def test_a_checkpoint_within_an_epoch_makes_no_new_folder(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    own = [Loses("on_train_batch_start", remove, folder), RunFolderCheck()]
    saves = ModelCheckpoint(folder / "checkpoints", every_n_train_steps=1)
    trainer = quiet_trainer(
        folder, max_epochs=2, callbacks=[*own, saves], enable_checkpointing=True
    )
    with pytest.raises(RunFolderLostError):
        trainer.fit(tiny_vae(), datamodule=TinyImages(batch_size=12))
    assert not folder.exists()


class Fails(Callback):
    def __init__(self, error: Exception) -> None:
        self._error = error

    def on_train_batch_start(self, trainer: Trainer, *_: Any) -> None:
        raise self._error


def test_other_errors_are_kept(tmp_path: Path) -> None:
    for error in (FileNotFoundError("data.csv"), ValueError("a bug")):
        trainer = quiet_trainer(tmp_path, callbacks=[Fails(error), RunFolderCheck()])
        with pytest.raises(type(error), match=str(error)):
            trainer.fit(tiny_vae(), datamodule=TinyImages(batch_size=24))


def test_only_the_first_process_checks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check = RunFolderCheck()
    trainer = quiet_trainer(tmp_path / "nowhere", callbacks=[check])
    check_run_folder(trainer)  # before the run has begun
    monkeypatch.setattr(Trainer, "is_global_zero", False)
    check.setup(trainer, tiny_vae(), "fit")
    check_run_folder(trainer)


def test_the_folder_is_held_open_until_the_check_is_gone(tmp_path: Path) -> None:
    check = RunFolderCheck()
    trainer = quiet_trainer(tmp_path, callbacks=[check])
    before = len(os.listdir("/proc/self/fd"))
    check.setup(trainer, tiny_vae(), "fit")
    assert len(os.listdir("/proc/self/fd")) == before + 1
    check_run_folder(trainer)
    trainer.callbacks.clear()
    del check
    assert len(os.listdir("/proc/self/fd")) == before
