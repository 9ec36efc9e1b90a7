"""last.ckpt is that of the last epoch; whole runs with it: tests/test_train.py."""

from pathlib import Path

import torch
from lightning.pytorch.callbacks import ModelCheckpoint

from commands.last_checkpoint import LastCheckpoint
from tests.helpers import TinyImages, quiet_trainer, tiny_vae


def test_beside_a_checkpoint_that_is_configured_alike(tmp_path: Path) -> None:
    both = [ModelCheckpoint(tmp_path, filename="{epoch}"), LastCheckpoint(tmp_path)]
    trainer = quiet_trainer(tmp_path, max_epochs=2, callbacks=both, enable_checkpointing=True)
    trainer.fit(tiny_vae(), TinyImages(batch_size=24))
    assert {path.name for path in tmp_path.iterdir()} == {"epoch=1.ckpt", "last.ckpt"}
    content = torch.load(tmp_path / "last.ckpt", weights_only=True)
    assert content["epoch"] == 1
    assert "LastCheckpoint" in content["callbacks"]
