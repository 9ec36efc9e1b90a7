"""Tells one of two processes to stop, resumes, and leaves what each saw; started by test_ddp.py."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, final

import torch
from lightning import Callback, LightningModule, Trainer, seed_everything

from callbacks import HistoryAwareSampling
from callbacks.preemption import Preempted
from commands.trainer.default_callbacks import default_callbacks
from tests.helpers import TinyImages, quiet_trainer, tiny_energy_vae, tiny_wgan, weights

# the batch in which one is told, and after how many, of 18 an epoch, both leave: they look after
# the tenth, where a validation is due too, and when the epoch has ended
TOLD_AND_LEFT = {"within an epoch": (3, 10), "in its last batch": (17, 18)}
MODELS: dict[str, Callable[[], LightningModule]] = {
    "energy_vae": tiny_energy_vae,
    "wgan": tiny_wgan,
}


@final
class Told(Callback):
    """Sends SIGUSR1 to the second process within a batch of the first epoch."""

    def __init__(self, batch_idx: int) -> None:
        self._batch_idx = batch_idx

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        here = (trainer.global_rank, trainer.current_epoch, batch_idx)
        if here == (1, 0, self._batch_idx):
            os.kill(os.getpid(), signal.SIGUSR1)


@final
class Seen(Callback):
    """Notes the batches of a process and what is due after them."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def on_train_batch_end(self, *_: Any) -> None:
        self.events.append("batch")

    def on_validation_end(self, *_: Any) -> None:
        self.events.append("validation")

    def on_train_epoch_end(self, *_: Any) -> None:
        self.events.append("epoch")


def train(
    model: str, folder: Path, *callbacks: Callback, start: Path | None = None
) -> dict[str, Any]:
    """Returns what the run has seen and what it has become, or the checkpoint that it left."""
    seed_everything(0, verbose=False)
    module, seen, sampling = MODELS[model](), Seen(), HistoryAwareSampling(num_samples=4)
    options = {"enable_checkpointing": True, "barebones": False}
    options |= {"enable_progress_bar": False, "enable_model_summary": False}
    own = [*callbacks, sampling, seen]
    trainer = quiet_trainer(
        folder,
        max_epochs=2,
        val_check_interval=5,
        devices=2,
        strategy="ddp_find_unused_parameters_true",
        enable_checkpointing=True,
        callbacks=[*own, *default_callbacks(own, options, folder, in_job=True)],
    )
    try:
        trainer.fit(module, TinyImages(batch_size=2), ckpt_path=start)
    except Preempted as stop:
        return {"events": seen.events, "left": stop.checkpoint}
    points = sampling.state_dict()["points"]
    return {"events": seen.events, "weights": weights(module), "points": points}


def main(folder: Path) -> None:
    found: dict[str, Any] = {}
    for model in MODELS:
        whole = train(model, folder / model / "whole")
        for name, (batch_idx, _) in TOLD_AND_LEFT.items():
            own = folder / model / name
            stopped = train(model, own, Told(batch_idx))
            resumed = train(model, own, start=stopped.pop("left"))
            found[f"{model} {name}"] = {"whole": whole, "stopped": stopped, "resumed": resumed}
    torch.save(found, folder / f"rank-{torch.distributed.get_rank()}.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
