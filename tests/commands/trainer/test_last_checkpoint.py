"""last.ckpt holds the last epoch. Whole runs: tests/integration/test_train.py."""

from pathlib import Path

import pytest
import torch
from lightning import Callback, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger

from commands.trainer.best_checkpoint import BestCheckpoint
from commands.trainer.last_checkpoint import LastCheckpoint
from tests.helpers import TinyImages, quiet_trainer, tiny_energy_vae, tiny_vae


def test_beside_a_checkpoint_with_the_same_settings(tmp_path: Path) -> None:
    both = [ModelCheckpoint(tmp_path, filename="{epoch}"), LastCheckpoint(tmp_path)]
    trainer = quiet_trainer(tmp_path, max_epochs=2, callbacks=both, enable_checkpointing=True)
    trainer.fit(tiny_vae(), TinyImages(batch_size=24))
    assert {path.name for path in tmp_path.iterdir()} == {"epoch=1.ckpt", "last.ckpt"}
    content = torch.load(tmp_path / "last.ckpt", weights_only=True)
    assert content["epoch"] == 1
    assert "LastCheckpoint" in content["callbacks"]


class Aliasing(CSVLogger):
    """Gives a checkpoint the alias "best" by its callback, as loggers of artifacts do."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.aliases: list[tuple[str, str]] = []

    def after_save_checkpoint(self, checkpoint_callback: ModelCheckpoint) -> None:
        last, best = checkpoint_callback.last_model_path, checkpoint_callback.best_model_path
        for path in dict.fromkeys(filter(None, (last, best))):
            self.aliases.append((Path(path).name, "best" if path == best else "latest"))


class Growing(Callback):
    """Makes the loss grow from the second epoch on."""

    def on_train_epoch_start(self, trainer: Trainer, *_: object) -> None:
        if trainer.current_epoch >= 1:
            trainer.lightning_module.encoder[-1].weight.data *= 1e3


@pytest.mark.parametrize("looks_for_best", [True, False])
def test_loggers_do_not_take_it_for_the_best(looks_for_best: bool, tmp_path: Path) -> None:
    best = [BestCheckpoint(tmp_path)] if looks_for_best else []
    logger = Aliasing(tmp_path / "logs")
    trainer = quiet_trainer(
        tmp_path,
        max_epochs=4,
        enable_checkpointing=True,
        logger=logger,
        callbacks=[Growing(), LastCheckpoint(tmp_path), *best],
    )
    trainer.fit(tiny_energy_vae(), TinyImages(batch_size=24))
    assert ("last.ckpt", "latest") in logger.aliases
    assert ("last.ckpt", "best") not in logger.aliases
    assert (("best.ckpt", "best") in logger.aliases) == looks_for_best
    # `ckpt_path="best"` and many loggers read it from the first callback
    path = trainer.checkpoint_callback.best_model_path  # type: ignore[union-attr]
    assert path == (str(tmp_path / "best.ckpt") if looks_for_best else "")
    if looks_for_best:
        assert torch.load(path, weights_only=True)["epoch"] == 0
