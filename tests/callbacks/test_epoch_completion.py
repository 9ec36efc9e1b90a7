"""Resumes from checkpoints of the end of a batch, with all events in order and once."""

from pathlib import Path
from typing import Any

import pytest
from lightning import Callback, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint

from callbacks import EpochCompletion
from tests.helpers import TinyImages, quiet_trainer, tiny_energy_vae


class Events(Callback):
    """Records a batch as its number, a validation as v and the end of an epoch as e."""

    def __init__(self) -> None:
        self.record = ""

    def on_train_batch_start(self, trainer: Trainer, *_: Any) -> None:
        self.record += str(trainer.global_step + 1)

    def on_validation_end(self, trainer: Trainer, *_: Any) -> None:
        assert not trainer.sanity_checking
        self.record += "v"

    def on_train_epoch_end(self, trainer: Trainer, *_: Any) -> None:
        self.record += f"e{trainer.current_epoch + 1}"


def fit(folder: Path, *callbacks: Callback, start: int | None = None, **arguments: Any) -> Trainer:
    trainer = quiet_trainer(folder, max_epochs=2, callbacks=list(callbacks), **arguments)
    path = f"{folder}/step={start}.ckpt" if start else None
    trainer.fit(tiny_energy_vae(), TinyImages(batch_size=24), ckpt_path=path)
    return trainer


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Saves one after each of six batches; three batches per epoch, validation every two."""
    folder = tmp_path_factory.mktemp("checkpoints")
    save = ModelCheckpoint(folder, every_n_train_steps=1, save_top_k=-1, filename="{step}")
    events = Events()
    fit(folder, save, events, enable_checkpointing=True, val_check_interval=2)
    assert events.record == "12v3e145v6e2"
    return folder


@pytest.mark.parametrize(
    ("start", "expected"),
    [(1, "2v3e145v6e2"), (2, "v3e145v6e2"), (3, "e145v6e2"), (5, "v6e2"), (6, "e2")],
)
def test_the_remaining_events_are_those_of_the_uninterrupted_run(
    start: int, expected: str, checkpoints: Path
) -> None:
    events = Events()
    trainer = fit(checkpoints, events, EpochCompletion(), start=start, val_check_interval=2)
    assert events.record == expected
    assert (trainer.current_epoch, trainer.global_step) == (2, 6)


@pytest.mark.parametrize(
    ("epochs", "interval", "start", "expected"),
    [(None, 4, 4, "v56e2"), (None, 4, 2, "3e14v56e2"), (2, 2, 2, "3e145v6e2"), (2, 2, 5, "v6e2")],
)
def test_validations_of_some_epochs_or_across_epochs(
    epochs: int | None, interval: int, start: int, expected: str, tmp_path: Path
) -> None:
    arguments = {"check_val_every_n_epoch": epochs, "val_check_interval": interval}
    save = ModelCheckpoint(tmp_path, every_n_train_steps=1, save_top_k=-1, filename="{step}")
    whole, rest = Events(), Events()
    fit(tmp_path, save, whole, enable_checkpointing=True, **arguments)
    fit(tmp_path, rest, EpochCompletion(), start=start, **arguments)
    assert rest.record == expected
    assert whole.record.endswith(expected)


def test_a_validation_at_the_end_of_an_epoch(tmp_path: Path) -> None:
    save = ModelCheckpoint(tmp_path, every_n_train_steps=1, save_top_k=-1, filename="{step}")
    fit(tmp_path, save, enable_checkpointing=True)
    events = Events()
    fit(tmp_path, events, EpochCompletion(), start=3)
    assert events.record == "ve1456ve2"


@pytest.mark.parametrize("instant", ["on_validation_end", "on_train_epoch_end"])
def test_completed_events_are_not_repeated(instant: str, tmp_path: Path) -> None:
    class Save(Callback):
        pass

    def save(self: Save, trainer: Trainer, *_: Any) -> None:
        trainer.save_checkpoint(f"{tmp_path}/step={trainer.global_step}.ckpt")

    setattr(Save, instant, save)
    fit(tmp_path, Save())
    events = Events()
    fit(tmp_path, events, EpochCompletion(), start=3)
    assert events.record == ("e1456ve2" if instant == "on_validation_end" else "456ve2")
