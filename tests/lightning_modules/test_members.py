"""What an ensemble's members must share, and how they come out of checkpoints."""

from pathlib import Path

import pytest
import torch
from lightning import LightningModule

from lightning_modules import EnergyVAE
from lightning_modules.members import check_members, load_members
from tests.helpers import (
    TinyImages,
    quiet_trainer,
    same_weights,
    tiny_decoder,
    tiny_encoder,
    tiny_energy_vae,
    tiny_vae,
    tiny_wgan,
    weights,
)


def test_models_that_agree_may_be_of_different_kinds() -> None:
    check_members([tiny_wgan(latent_dim=2), tiny_vae(), tiny_energy_vae()])


def test_disagreement_is_named() -> None:
    law = r"must share one latent law, got StandardNormal\(dim=3\) for the first and StandardNo"
    with pytest.raises(ValueError, match=law):
        check_members([tiny_wgan(), tiny_wgan(), tiny_wgan(latent_dim=4)])
    other = EnergyVAE((1, 4, 4), 2, tiny_encoder, tiny_decoder)
    shape = r"must share one picture shape, got \(1, 8, 8\) for the first and \(1, 4, 4\) for "
    with pytest.raises(ValueError, match=shape):
        check_members([tiny_vae(), other])
    with pytest.raises(ValueError, match="`members` must be at least one trained model, got none"):
        check_members([])
    with pytest.raises(TypeError, match="`members` must have `latent_target` and `decode`, got"):
        check_members([tiny_vae(), LightningModule()])


def test_checkpoints_are_loaded_into_copies(tmp_path: Path) -> None:
    model = tiny_wgan()
    before, saved = weights(model), []
    for name in ("a", "b"):
        trained = tiny_wgan()
        trainer = quiet_trainer(tmp_path, limit_train_batches=2)
        trainer.fit(trained, TinyImages(batch_size=16))
        trainer.save_checkpoint(tmp_path / f"{name}.ckpt")
        saved.append(weights(trained))
    members = load_members(model, [tmp_path / "a.ckpt", str(tmp_path / "b.ckpt")])
    assert all(same_weights(weights(m), s) for m, s in zip(members, saved, strict=True))
    assert same_weights(weights(model), before)


def test_files_that_are_no_checkpoint_of_it(tmp_path: Path) -> None:
    path = tmp_path / "x.ckpt"
    with pytest.raises(ValueError, match=r"`checkpoints` must be a checkpoint file, got .*x\.ckpt"):
        load_members(tiny_wgan(), [path])
    content = {"state_dict": tiny_vae().state_dict(), "pytorch-lightning_version": "2.6.0"}
    torch.save(content, path)
    with pytest.raises(ValueError, match=r"`checkpoints` '.*x\.ckpt' is of another model .* WGAN"):
        load_members(tiny_wgan(), [path])
