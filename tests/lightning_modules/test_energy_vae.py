"""The energy VAE: its loss by hand, its two priors, and that it learns."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from hawc import StandardNormal
from hawc.distances import squared_distance_to
from hawc.kernels import HuberEnergy
from hawc.targets import StudentT
from lightning_modules.interface import LatentGenerator, provides
from tests.helpers import TINY_SHAPE, TinyImages, quiet_trainer, tiny_energy_vae


def test_loss_by_hand() -> None:
    torch.manual_seed(0)
    model = tiny_energy_vae(latent_weight=7.0)
    images = torch.rand(5, *TINY_SHAPE)
    z = model.encoder(images)
    decoded = 1 / (1 + torch.exp(-model.decoder(z)))
    reconstruction = sum(
        float(((x - y) ** 2).sum().detach()) for x, y in zip(images, decoded, strict=True)
    )
    distance = squared_distance_to(HuberEnergy(), z, StandardNormal(2))
    losses = model.losses(images)
    assert losses["reconstruction"].item() == pytest.approx(reconstruction / 5, rel=1e-5)
    assert losses["latent_distance"].item() == pytest.approx(float(distance.detach()), rel=1e-5)
    expected = losses["reconstruction"] + 7 * losses["latent_distance"]
    assert losses["loss"].item() == pytest.approx(expected.item(), rel=1e-6)


def test_paper_loss_is_the_published_formula_up_to_a_constant() -> None:
    k = 8
    ratio = math.gamma((k + 1) / 2) / math.gamma(k / 2)
    slope = math.gamma((k + 1) / 2) / (math.sqrt(2) * math.gamma(k / 2 + 1))
    c_k0, c_k1 = (math.sqrt(2) - 1) * ratio - 1 / slope, 1 / slope**2
    model = tiny_energy_vae(latent_dim=k, latent_loss="paper")
    published, ours = [], []
    for seed in range(3):
        images = torch.rand(20, *TINY_SHAPE, generator=torch.Generator().manual_seed(seed))
        with torch.no_grad():
            z = model.encode(images * (1 + 10 * seed)).double()
            pairs = torch.cdist(z, z).sum() / (2 * len(z) ** 2)
            published.append(float(c_k0 + (z.square().sum(1) + c_k1).sqrt().mean() - pairs))
            ours.append(float(model.losses(images * (1 + 10 * seed))["latent_distance"]))
    constants = [left - right for left, right in zip(published, ours, strict=True)]
    # float32 model against float64 formula
    assert constants == pytest.approx([constants[0]] * 3, abs=2e-6)


def test_latent_distribution_follows_the_latent_loss() -> None:
    assert isinstance(tiny_energy_vae().prior, StandardNormal)
    paper = tiny_energy_vae(latent_loss="paper").prior
    assert isinstance(paper, StudentT)
    assert 3 * paper.scale**2 == pytest.approx(8 / math.pi)  # c_k1 of two dimensions


def test_decode_gives_images() -> None:
    model = tiny_energy_vae()
    images = model.decode(torch.randn(4, 2) * 100)
    assert images.shape == (4, *TINY_SHAPE)
    assert 0 <= images.min() <= images.max() <= 1
    assert provides(model, LatentGenerator)


def test_gradients_of_both_terms_reach_the_encoder() -> None:
    model = tiny_energy_vae()
    model.losses(torch.rand(6, *TINY_SHAPE))["latent_distance"].backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.encoder.parameters())
    assert all(p.grad is None for p in model.decoder.parameters())


def test_identical_codes_have_a_finite_gradient() -> None:
    model = tiny_energy_vae()
    images = torch.rand(1, *TINY_SHAPE).expand(4, *TINY_SHAPE)
    model.losses(images)["loss"].backward()
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)


def test_training_improves_both_terms(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = tiny_energy_vae(latent_weight=100.0)
    data = TinyImages(batch_size=24)
    data.setup("fit")
    images = next(iter(data.val_dataloader()))[0]
    before = {k: float(v.detach()) for k, v in model.losses(images).items()}
    quiet_trainer(tmp_path, max_epochs=60).fit(model, data)
    after = {k: float(v.detach()) for k, v in model.losses(images).items()}
    assert after["latent_distance"] < 0.5 * before["latent_distance"]
    assert after["reconstruction"] < before["reconstruction"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"latent_dim": 0}, "`latent_dim` must be at least 1, got 0"),
        ({"latent_weight": -1.0}, "`latent_weight` must be at least 0, got -1.0"),
        ({"latent_weight": float("nan")}, "`latent_weight` must be at least 0, got nan"),
    ],
)
def test_wrong_arguments(arguments: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tiny_energy_vae(**arguments)


def test_huber_loss_by_hand() -> None:
    model = tiny_energy_vae(reconstruction="huber", huber_delta=0.3, latent_weight=0.0)
    images = torch.rand(5, *TINY_SHAPE)
    errors = (images - model.decode(model.encode(images))).abs()
    pixel_losses = torch.where(errors <= 0.3, errors**2 / 2, 0.3 * (errors - 0.15))
    expected = pixel_losses.sum((1, 2, 3)).mean()
    assert (errors > 0.3).any()
    torch.testing.assert_close(model.losses(images)["loss"], expected)


def test_bernoulli_reconstruction_is_the_cross_entropy() -> None:
    model = tiny_energy_vae(reconstruction="bernoulli", latent_weight=0.0)
    images = torch.rand(5, *TINY_SHAPE)
    p = model.decode(model.encode(images))
    expected = -(images * p.log() + (1 - images) * (1 - p).log()).sum((1, 2, 3)).mean()
    torch.testing.assert_close(model.losses(images)["loss"], expected)


@pytest.mark.parametrize("name", ["exact", "paper", "mmd", "sliced_wasserstein", "none"])
def test_terms_that_are_logged(name: Any) -> None:
    model, images = tiny_energy_vae(latent_loss=name), torch.rand(5, *TINY_SHAPE)
    losses = model.losses(images)
    extra = set() if name in ("exact", "paper") else {"latent_loss"}
    assert losses.keys() == {"loss", "reconstruction", "latent_distance"} | extra
    distance = squared_distance_to(HuberEnergy(), model.encode(images), model.prior)
    torch.testing.assert_close(losses["latent_distance"], distance)


@pytest.mark.parametrize("name", ["mmd", "none"])
def test_a_distance_that_is_not_minimised_is_computed_at_logged_steps(
    name: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, steps = tiny_energy_vae(latent_loss=name), []

    def spy(kernel: HuberEnergy, z: torch.Tensor, target: StandardNormal) -> torch.Tensor:
        steps.append(model.global_step if model.training else "validation")
        return squared_distance_to(kernel, z, target)

    monkeypatch.setattr("lightning_modules.energy_vae.squared_distance_to", spy)
    trainer = quiet_trainer(tmp_path, max_epochs=2, log_every_n_steps=4)
    trainer.fit(model, TinyImages(batch_size=12))
    # six batches an epoch, steps counted from 0: those that end the 4th, 8th and 12th, and an epoch
    assert steps == [3, 5, "validation", 7, 11, "validation"]
    assert "train/latent_distance" in trainer.callback_metrics
