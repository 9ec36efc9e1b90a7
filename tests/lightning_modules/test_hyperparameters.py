"""What a module saves of its arguments: what a checkpoint can hold without running code."""

import re
from pathlib import Path

import numpy as np
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
    check_sizes((13,), 1)
    check_sizes(torch.Size([3, 4, 4]), 1)
    check_sizes(tuple(np.array([3, 4, 4])), 1)
    for shape in ((), None, (28, 28), (1, 0, 8), (3, 8.0, 8), "1,8,8", (1, 2, 3, 4), 28):
        message = (
            f"`image_shape` must be positive integers, .*, got {re.escape(str(shape))}; the da"
        )
        with pytest.raises(ValueError, match=message):
            check_sizes(shape, 1)


def test_counts() -> None:
    check_at_least_one("n_critic", 1)
    with pytest.raises(
        ValueError, match="`n_critic` must be at least 1, got 0; give a positive integer"
    ):
        check_at_least_one("n_critic", 0)
