"""What a module saves of its arguments: what a checkpoint can hold without running code."""

from pathlib import Path

import pytest
import torch

from lightning_modules.hyperparameters import check_at_least_one, check_sizes
from tests.helpers import TinyImages, quiet_trainer, tiny_energy_vae


def test_factories_are_not_saved_but_numbers_are(tmp_path: Path) -> None:
    model = tiny_energy_vae(latent_weight=3.0)
    assert model.hparams["latent_weight"] == 3.0
    assert not {"encoder", "decoder", "optimizer"} & model.hparams.keys()
    trainer = quiet_trainer(tmp_path, limit_train_batches=1, limit_val_batches=0)
    trainer.fit(model, TinyImages(batch_size=24))
    trainer.save_checkpoint(tmp_path / "model.ckpt")
    saved = torch.load(tmp_path / "model.ckpt", weights_only=True)  # refuses anything but data
    assert saved["hyper_parameters"]["latent_dim"] == 2


def test_sizes() -> None:
    check_sizes((1, 2, 2), 1)
    with pytest.raises(ValueError, match="`latent_dim` must be at least 1, got 0"):
        check_sizes((1, 2, 2), 0)
    with pytest.raises(ValueError, match=r"`image_shape` must be positive integers, got \(\)"):
        check_sizes((), 1)


def test_counts() -> None:
    check_at_least_one("n_critic", 1)
    with pytest.raises(
        ValueError, match="`n_critic` must be at least 1, got 0; give a positive integer"
    ):
        check_at_least_one("n_critic", 0)
