"""The contestants make the same steps; the page states the requirements."""

from pathlib import Path

import pytest
import torch

from benchmarks import peers_vae
from benchmarks.peers_vae import (
    BARE,
    LENGTH,
    OURS,
    PEER,
    bare_loop,
    bare_loss,
    networks,
    page,
    verdicts,
)
from benchmarks.phases import Block
from benchmarks.tick_callback import TickCallback
from lightning_modules import VAE
from tests.helpers import TinyImages, quiet_trainer, tiny_energy_vae


def test_the_bare_loss_is_ours() -> None:
    images = torch.rand(5, 1, 28, 28)
    encoder, decoder = networks()
    ours = VAE((1, 28, 28), 16, lambda *_: encoder, lambda *_: decoder)
    torch.manual_seed(1)
    expected = ours.losses(images)["loss"]
    torch.manual_seed(1)
    # sums of 3,920 float32 terms in another order
    torch.testing.assert_close(bare_loss(encoder, decoder, images), expected, rtol=1e-5, atol=0)


def test_pythaes_loss_is_ours() -> None:
    pytest.importorskip("pythae")
    from benchmarks import pythae_vae

    images = torch.randint(0, 256, (5, 1, 28, 28), dtype=torch.uint8)
    encoder, decoder = networks()
    data = pythae_vae.data_set(images)
    torch.manual_seed(1)
    loss = pythae_vae.model(encoder, decoder, 16)({"data": data.data}).loss
    torch.manual_seed(1)
    expected = bare_loss(encoder, decoder, images / 255)
    # a logarithm of a sigmoid there, of the logit here
    torch.testing.assert_close(loss, expected, rtol=1e-4, atol=0)


def test_pythae_ticks_at_each_step() -> None:
    pytest.importorskip("pythae")
    from benchmarks import pythae_vae

    ticks: list[None] = []
    data = pythae_vae.data_set(torch.zeros(12, 1, 28, 28, dtype=torch.uint8))
    vae = pythae_vae.model(*networks(), 16)
    pythae_vae.train(vae, data, 4, lambda: ticks.append(None))
    assert len(ticks) == 3


def test_the_bare_loop_ticks_at_each_step(tmp_path: Path) -> None:
    torch.save(torch.zeros(5, 1, 28, 28, dtype=torch.uint8), tmp_path / "images.pt")
    ticks: list[None] = []
    bare_loop(tmp_path / "images.pt", 2, lambda: ticks.append(None))
    assert len(ticks) == 3


def test_the_callback_ticks_at_each_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks: list[None] = []
    tick = staticmethod(lambda: ticks.append(None))
    monkeypatch.setattr(TickCallback, "tick", tick, raising=False)
    trainer = quiet_trainer(tmp_path, callbacks=[TickCallback()], limit_val_batches=0)
    trainer.fit(tiny_energy_vae(), TinyImages(batch_size=12))
    assert len(ticks) == 6


def blocks(*walls: float) -> list[Block]:
    """Returns blocks of these milliseconds per step."""
    return [Block(wall * LENGTH / 1000, 1.0, 2.0, 0.001) for wall in walls]


def test_the_requirements_of_the_vae() -> None:
    times = {BARE: blocks(10, 10), OURS: blocks(10, 11), PEER: blocks(12, 12)}
    bare, peer, _ = verdicts(times)
    assert "<= 1.05 required: holds" in bare
    assert ">= 1.15 required: **does not hold**" in peer


def test_the_page_names_a_missing_package() -> None:
    times = {BARE: blocks(10, 10), OURS: blocks(10, 10)}
    lines = list(page({128: times}, "--rounds 1", threads=1))
    assert "\n## Batches of 128, 2 blocks\n" in lines
    assert "- pythae's trainer is missing: the package pythae is not installed." in lines


def test_the_networks_are_the_configurations() -> None:
    text = (peers_vae.ROOT / "configs" / "vae_mnist.yaml").read_text()
    assert text.count(f"widths: {list(peers_vae.WIDTHS)}") == 2
    assert f"latent_dim: {peers_vae.LATENT_DIM}" in text
    assert f"log_every_n_steps: {peers_vae.LENGTH}" in text
