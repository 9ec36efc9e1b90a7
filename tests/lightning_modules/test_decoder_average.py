"""Averages at equal latents: better than members that share a latent space."""

from pathlib import Path

import pytest
import torch
from lightning import seed_everything

from lightning_modules import DecoderAverage
from lightning_modules.interface import LatentGenerator, provides
from tests.helpers import TinyImages, quiet_trainer, tiny_energy_vae, tiny_vae, tiny_wgan


def test_means_by_hand() -> None:
    one, other = tiny_vae(), tiny_vae()
    average = DecoderAverage([one, other])
    assert provides(average, LatentGenerator)
    assert repr(average.prior) == "StandardNormal(dim=2)"
    z, images = torch.randn(5, 2), torch.rand(5, 1, 8, 8)
    with torch.no_grad():
        assert torch.allclose(average.decode(z), (one.decode(z) + other.decode(z)) / 2)
        assert torch.allclose(
            average.encode(images), (one.encode(images) + other.encode(images)) / 2
        )


def test_snapshots_of_one_run_are_at_least_as_good_as_their_mean(tmp_path: Path) -> None:
    seed_everything(0)
    model, data, paths = tiny_energy_vae(), TinyImages(batch_size=24), []
    for epoch in (1, 2, 3):
        trainer = quiet_trainer(tmp_path, max_epochs=epoch)
        trainer.fit(model, data, ckpt_path=str(paths[-1]) if paths else None)
        paths.append(tmp_path / f"{epoch}.ckpt")
        trainer.save_checkpoint(paths[-1])
    average = DecoderAverage.from_checkpoints(tiny_energy_vae(), paths)
    images, z = torch.rand(50, 1, 8, 8), torch.randn(50, 2)
    with torch.no_grad():
        errors = [(m.decode(z) - images).square().mean() for m in average.members]
        assert (average.decode(z) - images).square().mean() <= sum(errors) / 3
        assert len({float(error) for error in errors}) == 3


def test_members_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match="`members` must share one prior"):
        DecoderAverage([tiny_vae(), tiny_wgan()])
