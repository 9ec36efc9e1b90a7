"""best.ckpt holds the weights with the smallest validation loss."""

from functools import partial
from pathlib import Path

import pytest
import torch
from lightning import Callback, Trainer, seed_everything

from commands.trainer.best_checkpoint import BestCheckpoint
from lightning_modules import TrainingError
from tests.helpers import (
    TinyImages,
    quiet_trainer,
    same_weights,
    tiny_energy_vae,
    tiny_wgan,
    weights,
)


class Watching(Callback):
    """Records weights and loss of each validation."""

    def __init__(self) -> None:
        self.losses: list[float] = []
        self.weights: list[dict[str, torch.Tensor]] = []

    def on_validation_end(self, trainer: Trainer, *_: object) -> None:
        self.losses.append(float(trainer.callback_metrics["val/loss"]))
        self.weights.append(weights(trainer.lightning_module))


def read(folder: Path) -> dict[str, torch.Tensor]:
    assert {path.name for path in folder.glob("*.ckpt")} == {"best.ckpt"}
    return torch.load(folder / "best.ckpt", weights_only=True)["state_dict"]


class Growing(Callback):
    """Multiplies a weight: from the third epoch on the loss is finite and grows."""

    def on_train_epoch_start(self, trainer: Trainer, *_: object) -> None:
        if trainer.current_epoch >= 2:
            trainer.lightning_module.encoder[-1].weight.data *= 1e6


def test_a_lost_run_keeps_the_best_weights(tmp_path: Path) -> None:
    torch.manual_seed(0)
    watching = Watching()
    trainer = quiet_trainer(
        tmp_path,
        max_epochs=40,
        enable_checkpointing=True,
        callbacks=[Growing(), watching, BestCheckpoint(tmp_path)],
    )
    with pytest.raises(TrainingError, match=r"grown, go on from best.ckpt"):
        trainer.fit(tiny_energy_vae(), TinyImages(batch_size=24))
    best = watching.losses.index(min(watching.losses))
    assert best < 2
    assert watching.losses[-1] > 1e3 * min(watching.losses)
    assert same_weights(read(tmp_path), watching.weights[best])


@pytest.mark.parametrize(
    ("model", "held_out"), [(tiny_wgan, 8), (partial(tiny_energy_vae, latent_weight=1.0), 0)]
)
def test_nothing_without_a_validation_loss(model: object, held_out: int, tmp_path: Path) -> None:
    trainer = quiet_trainer(
        tmp_path, enable_checkpointing=True, callbacks=[BestCheckpoint(tmp_path)]
    )
    trainer.fit(model(), TinyImages(batch_size=24, num_validation=held_out))  # type: ignore[operator]
    assert not list(tmp_path.glob("*.ckpt"))


def test_a_run_resumed_from_it_equals_the_uninterrupted_one(tmp_path: Path) -> None:
    def train(folder: Path, epochs: int, checkpoint: Path | None = None) -> Trainer:
        save = BestCheckpoint(folder)
        trainer = quiet_trainer(
            folder, max_epochs=epochs, enable_checkpointing=True, callbacks=[save]
        )
        trainer.fit(tiny_energy_vae(), TinyImages(batch_size=24), ckpt_path=checkpoint)
        return trainer

    seed_everything(3)
    whole = train(tmp_path / "whole", 4)
    seed_everything(3)
    train(tmp_path / "half", 2)
    half = tmp_path / "half" / "best.ckpt"
    before = half.stat().st_mtime_ns
    resumed = train(tmp_path / "resumed", 4, half)
    assert resumed.global_step == whole.global_step == 12
    assert same_weights(weights(whole.lightning_module), weights(resumed.lightning_module))
    assert half.stat().st_mtime_ns == before  # another run's file is unchanged
    assert (tmp_path / "resumed" / "best.ckpt").exists()
