"""The contestants make the same steps; the page states the requirements."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from benchmarks import peers_gan
from benchmarks.bare_loops import random_examples
from benchmarks.peers_gan import BARE, OURS, PATTERN, DecodedImages, page
from benchmarks.phases import Block, Schedule
from lightning_modules import GAN
from networks import MLPDecoder, MLPEncoder
from tests.helpers import same_weights


@pytest.mark.parametrize("train", [peers_gan.bare_gan, peers_gan.pattern_gan, peers_gan.bare_wgan])
def test_a_contestant_ticks_at_each_step(
    train: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MLP_SCHEDULE", "CONV_SCHEDULE"):
        monkeypatch.setattr(peers_gan, name, Schedule(blocks=1, length=2, skipped=1))
    monkeypatch.setattr(peers_gan, "BATCH_SIZE", 2)
    ticks: list[None] = []
    train(lambda: ticks.append(None))
    assert len(ticks) == 3


def test_the_bare_step_is_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = peers_gan.mlp_pair()
    ours = GAN(peers_gan.DIGITS, 100, lambda *_: pair[0][0], lambda *_: pair[1])  # type: ignore[index]
    before = {name: weight.clone() for name, weight in ours.state_dict().items()}
    monkeypatch.setattr(peers_gan, "MLP_SCHEDULE", Schedule(blocks=1, length=1, skipped=0))
    monkeypatch.setattr(peers_gan, "mlp_pair", lambda: pair)
    torch.manual_seed(3)
    peers_gan.bare_gan(lambda: None)
    bare = {name: weight.clone() for name, weight in ours.state_dict().items()}
    ours.load_state_dict(before)
    ours.zero_grad()
    torch.manual_seed(3)
    images = random_examples(peers_gan.DIGITS, 64)[torch.randperm(64)]
    critic_optimizer, generator_optimizer = peers_gan.adam(ours.critic), peers_gan.adam(pair[0])
    with torch.no_grad():
        fake = ours.generate(torch.randn(64, 100))
    real = images / 127.5 - 1
    ours.critic_losses(real, fake)["loss"].backward()
    critic_optimizer.step()
    ours.generator_losses(real, ours.generate(torch.randn(64, 100)))["loss"].backward()
    generator_optimizer.step()
    assert not same_weights(before, bare)
    assert same_weights(ours.state_dict(), bare)


def test_examples_are_scaled_one_by_one() -> None:
    data = DecodedImages(torch.tensor([0, 51, 255], dtype=torch.uint8).view(1, 1, 1, 3))
    assert data[0].flatten().tolist() == pytest.approx([-1.0, -0.6, 1.0])


def test_our_networks_are_the_bare_loop_s() -> None:
    generator, critic = peers_gan.mlp_pair()
    assert isinstance(generator, nn.Sequential)
    assert isinstance(generator[0], MLPDecoder)
    assert isinstance(critic, MLPEncoder)
    words = " ".join(peers_gan.MLP_WORDS)
    assert str(list(peers_gan.GENERATOR_WIDTHS)) in words
    assert str(list(peers_gan.CRITIC_WIDTHS)) in words


def test_the_page_states_the_requirements() -> None:
    def blocks(wall: float) -> list[Block]:
        return [Block(wall, 1.0, 2.0, 0.001)] * 4

    mlp = {BARE: blocks(10), PATTERN: blocks(20), OURS: blocks(10.6)}
    text = "\n".join(page(mlp, {BARE: blocks(10), OURS: blocks(10.05)}, 1, 2))
    assert "train.py over bare PyTorch loop: 1.060 by blocks" in text
    assert "<= 1.05 required: **does not hold**" in text
    assert ">= 1.4 required: holds" in text
    assert "<= 1.01 required: holds" in text
