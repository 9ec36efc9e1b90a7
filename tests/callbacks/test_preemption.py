"""Signals at chosen moments of a training, and the runs that resume it."""

import csv
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from lightning import Callback, LightningModule, Trainer, seed_everything
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger
from torch import Tensor

from callbacks import EpochCompletion, Preemption
from callbacks.preemption import Preempted
from tests.helpers import (
    TinyImages,
    quiet_trainer,
    same_weights,
    tiny_energy_vae,
    tiny_vae,
    tiny_wgan,
    weights,
)

NUM_BATCHES = 8  # per epoch: 80 images, a tenth of them held out, in batches of 9


@pytest.fixture(autouse=True)
def fail_on_unhandled_signals() -> Iterator[None]:
    """Fails the test at a signal that would otherwise end the process."""

    def fail(*_: Any) -> None:
        raise AssertionError("unhandled signal")

    before = signal.signal(signal.SIGUSR1, fail)
    yield
    signal.signal(signal.SIGUSR1, before)


class Signal(Callback):
    """Sends signals to this process in the middle of a step."""

    def __init__(self, step: int, *numbers: signal.Signals) -> None:
        self._step, self._numbers = step, numbers

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        if batch_idx + NUM_BATCHES * trainer.current_epoch == self._step:
            for number in self._numbers:
                os.kill(os.getpid(), number)


class Batches(Callback):
    """Counts training batches."""

    count = 0

    def on_train_batch_end(self, *_: Any) -> None:
        self.count += 1


class Events(Callback):
    """Records validations and ends of epochs, and saves them in checkpoints."""

    def __init__(self) -> None:
        self.record: list[str] = []

    def on_validation_end(self, *_: Any) -> None:
        self.record.append("validation")

    def on_train_epoch_end(self, *_: Any) -> None:
        self.record.append("epoch")

    def state_dict(self) -> dict[str, Any]:
        return {"record": list(self.record)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.record = state["record"]


class SignalInValidation(Callback):
    """Sends a signal to this process during validation."""

    def __init__(self, number: signal.Signals) -> None:
        self._number = number

    def on_validation_batch_start(self, *_: Any) -> None:
        os.kill(os.getpid(), self._number)


def train(
    make: Callable[[], LightningModule], folder: Path, *callbacks: Callback, **arguments: Any
) -> dict[str, Tensor]:
    seed_everything(0, verbose=False)
    module = make()
    resumed = arguments.pop("ckpt_path", None)
    arguments = {"max_epochs": 3, **arguments}
    trainer = quiet_trainer(
        folder,
        callbacks=[*callbacks, EpochCompletion(), Preemption()],  # in the order of train.py
        enable_checkpointing=True,
        **arguments,
    )
    trainer.fit(module, TinyImages(batch_size=9), ckpt_path=resumed)
    return weights(module)


@pytest.mark.parametrize("make", [tiny_vae, tiny_wgan])
@pytest.mark.parametrize("step", [0, 11, 15])
def test_a_resumed_run_has_the_same_weights(make: Any, step: int, tmp_path: Path) -> None:
    whole = train(make, tmp_path)
    with pytest.raises(
        Preempted, match=r"stopped by a signal; resume it from .*last\.ckpt"
    ) as stopped:
        train(make, tmp_path, Signal(step, signal.SIGUSR1))
    assert stopped.value.checkpoint == tmp_path / "checkpoints" / "last.ckpt"
    assert stopped.value.wants_requeue
    assert same_weights(train(make, tmp_path, ckpt_path=stopped.value.checkpoint), whole)


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGTERM])
@pytest.mark.parametrize("step", [4, NUM_BATCHES])
def test_signals_count_while_a_resumed_run_completes_a_batch(
    step: int, number: signal.Signals, tmp_path: Path
) -> None:
    save = ModelCheckpoint(tmp_path, every_n_train_steps=4, save_top_k=-1, filename="{step}")
    whole = train(tiny_vae, tmp_path, save, val_check_interval=4)
    start = {"ckpt_path": tmp_path / f"step={step}.ckpt", "val_check_interval": 4}
    with pytest.raises(Preempted) as stopped:
        train(tiny_vae, tmp_path, SignalInValidation(number), **start)
    assert stopped.value.wants_requeue == (number == signal.SIGUSR1)
    again = {**start, "ckpt_path": stopped.value.checkpoint}
    assert same_weights(train(tiny_vae, tmp_path, **again), whole)


def test_only_sigusr1_requests_a_requeue(tmp_path: Path) -> None:
    with pytest.raises(Preempted) as stopped:
        train(tiny_vae, tmp_path, Signal(1, signal.SIGTERM))
    assert not stopped.value.wants_requeue
    with pytest.raises(Preempted) as stopped:
        train(tiny_vae, tmp_path, Signal(1, signal.SIGUSR1, signal.SIGTERM))
    assert stopped.value.wants_requeue


def test_the_run_stops_after_the_step_without_ending_the_epoch(tmp_path: Path) -> None:
    batches, events = Batches(), Events()
    with pytest.raises(Preempted):
        train(tiny_vae, tmp_path, Signal(2, signal.SIGTERM), batches, events)
    assert batches.count == 3
    assert not events.record


@pytest.mark.parametrize("make", [tiny_energy_vae, tiny_wgan])
@pytest.mark.parametrize("interval", [1, 2, 5])
def test_a_resumed_run_makes_the_validation_that_was_due(
    make: Any, interval: int, tmp_path: Path
) -> None:
    arguments = {"val_check_interval": interval}
    batches, events, again = Batches(), Events(), Events()
    whole = train(make, tmp_path, events, **arguments)
    step = interval - 1  # the last one before a validation
    with pytest.raises(Preempted) as stopped:
        train(make, tmp_path, Signal(step, signal.SIGUSR1), batches, **arguments)
    assert batches.count == interval
    checkpoint = stopped.value.checkpoint
    assert same_weights(train(make, tmp_path, again, ckpt_path=checkpoint, **arguments), whole)
    assert again.record == events.record


@pytest.mark.parametrize("interval", [1, 2, 5, 10])
def test_several_processes_check_each_tenth_batch(interval: int, tmp_path: Path) -> None:
    other = torch.tensor(1.0)  # request of the other process
    trainer: Any = SimpleNamespace(
        **{"world_size": 2, "is_last_batch": False, "val_check_batch": interval},
        **{"default_root_dir": str(tmp_path), "save_checkpoint": lambda path: None},
        strategy=SimpleNamespace(
            root_device="cpu", reduce=lambda local, reduce_op: torch.maximum(local, other)
        ),
    )
    preemption = Preemption()
    for batch_idx in range(9):
        preemption.on_train_batch_end(trainer, tiny_vae(), None, None, batch_idx)
    with pytest.raises(Preempted):
        preemption.on_train_batch_end(trainer, tiny_vae(), None, None, 9)


def test_a_signal_in_the_last_batch_stops_after_the_epoch(tmp_path: Path) -> None:
    events = Events()
    with pytest.raises(Preempted):
        train(tiny_vae, tmp_path, Signal(NUM_BATCHES - 1, signal.SIGTERM), events)
    assert events.record == ["validation", "epoch"]


class Means(Callback):
    """Logs a value per batch and its mean per epoch."""

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        pl_module.log("mean", float(batch_idx), on_step=True, on_epoch=True)


def test_values_of_the_epoch_are_logged_before_the_stop(tmp_path: Path) -> None:
    def rows(*names: str) -> list[tuple[str, ...]]:
        values: list[tuple[str, ...]] = []
        for name in names:
            with (tmp_path / name / "metrics.csv").open(newline="") as file:
                values += [
                    (row["epoch"], row["step"], row.get("mean_step", ""), row.get("mean_epoch", ""))
                    for row in csv.DictReader(file)
                    if row.get("mean_step") or row.get("mean_epoch")
                ]
        return values

    def logged(name: str) -> dict[str, Any]:
        logger = CSVLogger(tmp_path, name=name, version="")
        return {"logger": logger, "log_every_n_steps": 1}

    train(tiny_vae, tmp_path, Means(), **logged("whole"))
    last = Signal(NUM_BATCHES - 1, signal.SIGUSR1)
    with pytest.raises(Preempted) as stopped:
        train(tiny_vae, tmp_path, Means(), last, **logged("stopped"))
    start = {"ckpt_path": stopped.value.checkpoint}
    train(tiny_vae, tmp_path, Means(), **start, **logged("resumed"))
    assert rows("stopped", "resumed") == rows("whole")
    assert sum(bool(row[3]) for row in rows("stopped")) == 1


def test_a_signal_in_the_last_step_does_not_stop_the_run(tmp_path: Path) -> None:
    whole = train(tiny_vae, tmp_path, max_epochs=1)
    signaled = train(tiny_vae, tmp_path, Signal(NUM_BATCHES - 1, signal.SIGTERM), max_epochs=1)
    assert same_weights(signaled, whole)


@pytest.mark.parametrize("step", [2, NUM_BATCHES - 1])
def test_a_second_training_with_the_same_callback_starts_without_requests(
    step: int, tmp_path: Path
) -> None:
    preemption, batches = Preemption(), Batches()

    def fit(other: Callback) -> None:
        trainer = quiet_trainer(
            tmp_path, max_epochs=2, enable_checkpointing=True, callbacks=[other, preemption]
        )
        trainer.fit(tiny_vae(), TinyImages(batch_size=9))

    with pytest.raises(Preempted):
        fit(Signal(step, signal.SIGTERM))
    fit(batches)
    assert batches.count == 2 * NUM_BATCHES


def test_signal_handlers_are_restored(tmp_path: Path) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGUSR1)]
    train(tiny_vae, tmp_path, max_epochs=1)
    with pytest.raises(Preempted):
        train(tiny_vae, tmp_path, Signal(1, signal.SIGTERM))
    after = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGUSR1)]
    assert after == before


def test_weights_are_the_same_without_it(tmp_path: Path) -> None:
    seed_everything(0, verbose=False)
    module = tiny_wgan()
    quiet_trainer(tmp_path, max_epochs=3).fit(module, TinyImages(batch_size=9))
    seed_everything(0, verbose=False)
    assert same_weights(train(tiny_wgan, tmp_path), weights(module))
