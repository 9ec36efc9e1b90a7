"""Bare loops train, with the losses of the models of their names."""

from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
from torch import nn

import lightning_modules
from benchmarks import bare_loops, lightning_alone
from benchmarks.bare_loops import LOOPS, random_examples
from benchmarks.speed_contestants import setting
from lightning_modules import EBGAN, VAE, DiscoGAN, EnergyVAE

PAIRS = ("GAN", "WGAN", "WGANGP", "SNGAN", "EBGAN")
SMALL = replace(setting("GAN", "mlp"), shape=(1, 4, 4), num_steps=3, batch_size=8)


def images(seed: int) -> torch.Tensor:
    return random_examples(SMALL.shape, 8, seed).float() / 127.5 - 1


def pair_of(name: str) -> Any:
    decoder, encoder = (kind(SMALL.shape, 3) for kind in (SMALL.decoder, SMALL.encoder))
    if name == "EBGAN":
        ends = {"encoder": lambda *_: encoder, "decoder": lambda *_: decoder}
        return EBGAN(SMALL.shape, 3, SMALL.decoder, **ends, code_dim=3, pulling_away_weight=0.0)
    critic = SMALL.encoder(SMALL.shape, 1)
    return getattr(lightning_modules, name)(SMALL.shape, 3, SMALL.decoder, lambda *_: critic)


@pytest.mark.parametrize("name", PAIRS)
def test_a_pair_s_losses_are_the_model_s(name: str) -> None:
    torch.manual_seed(0)
    model, loop = pair_of(name), LOOPS[name]
    assert isinstance(loop, partial)
    _, critic_loss, generator_loss, constrain = loop.args
    critic = model.critic.eval()  # without power iterations, which differ between passes
    network = critic
    if name == "EBGAN":
        network = nn.Sequential(critic.encoder, critic.decoder, nn.Tanh())
    real, fake = images(0), images(1)
    torch.manual_seed(5)
    expected = model.critic_losses(real, fake)["loss"]
    torch.manual_seed(5)
    assert critic_loss(network, real, fake).item() == pytest.approx(expected.item(), rel=1e-5)
    expected = model.generator_losses(fake, fake)["loss"]
    assert generator_loss(network, fake).item() == pytest.approx(expected.item(), rel=1e-5)
    before = [weight.clone() for weight in critic.parameters()]
    constrain(critic)
    model.constrain_critic()
    clamped = any(not torch.equal(a, b) for a, b in zip(before, critic.parameters(), strict=True))
    assert clamped == (name == "WGAN")


@pytest.mark.parametrize("kind", [VAE, EnergyVAE])
@pytest.mark.parametrize("shape", [(1, 4, 4), (3,)])
def test_an_autoencoder_s_loss_is_the_model_s(kind: Any, shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    small = replace(SMALL, shape=shape, latent_dim=3)
    rows: dict[str, Any] = {"likelihood": "gaussian", "sigma": 1.0} if kind is VAE else {}
    model = kind(shape, 3, small.encoder, small.decoder, **(rows if len(shape) == 1 else {}))
    x = random_examples(shape, 8).float()
    x = x / 255 if len(shape) == 3 else x
    loss = LOOPS[kind.__name__].args[0]  # type: ignore[attr-defined]
    torch.manual_seed(5)
    expected = model.losses(x)["loss"].item()
    torch.manual_seed(5)
    # the loop leaves out the constant of a density in three dimensions
    constant = 1.5 * torch.tensor(2 * torch.pi).log().item() if rows and len(shape) == 1 else 0.0
    bare = loss(small, model.encoder, model.decoder, x).item()
    assert bare + constant == pytest.approx(expected, rel=1e-4)


def test_translators_losses_are_the_model_s() -> None:
    torch.manual_seed(0)
    model = DiscoGAN(SMALL.shape, SMALL.translator, SMALL.encoder, weights=(1.0, 10.0))
    a, b = images(0), images(1)
    to_b, to_a = (SMALL.as_generator(model.generator[way]) for way in ("a_to_b", "b_to_a"))
    critic_a, critic_b = model.critic["a"], model.critic["b"]
    there = bare_loops.translation_loss(SMALL, a, to_b, to_a, critic_b)
    back = bare_loops.translation_loss(SMALL, b, to_a, to_b, critic_a)
    expected = model.generator_losses(a, b)["loss"].item()
    assert (there + back).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", LOOPS)
def test_loops_tick_at_each_step_and_move_weights(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks: list[None] = []
    moved: list[torch.Tensor] = []
    descend = bare_loops.descend

    def spy(optimizer: torch.optim.Optimizer, loss: torch.Tensor) -> None:
        first = optimizer.param_groups[0]["params"][0]
        before = first.detach().clone()
        descend(optimizer, loss)
        moved.append((first.detach() - before).abs().max())

    monkeypatch.setattr(bare_loops, "descend", spy)
    LOOPS[name](SMALL, lambda: ticks.append(None))
    assert len(ticks) == 3
    assert len(moved) == (6 if name in PAIRS else 3)
    assert min(moved) > 0


def test_batches_are_shuffled_and_scaled() -> None:
    signed = torch.cat(list(SMALL.batches(signed=True)))
    unit = torch.cat(list(SMALL.batches(signed=False)))
    assert signed.shape == unit.shape == (24, 1, 4, 4)
    assert -1 <= signed.amin() < -0.9
    assert 0.9 < signed.amax() <= 1
    assert 0 <= unit.amin() < unit.amax() <= 1
    assert signed.mean().item() == pytest.approx(2 * unit.mean().item() - 1, abs=1e-6)


@pytest.mark.parametrize("name", ["VAE", "GAN", "WGANGP"])
@pytest.mark.filterwarnings("ignore")  # of Lightning, on few workers
def test_lightning_s_loop_makes_the_same_steps(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    trained: list[list[nn.Parameter]] = []

    def noted(*networks: nn.Module) -> torch.optim.Adam:
        trained[-1].extend(weight for network in networks for weight in network.parameters())
        return bare_adam(*networks)

    bare_adam = bare_loops.adam
    monkeypatch.setattr(bare_loops, "adam", noted)
    monkeypatch.setattr(lightning_alone, "adam", noted)
    for train in (LOOPS[name], partial(lightning_alone.train_alone, name)):
        trained.append([])
        torch.manual_seed(3)
        train(SMALL, lambda: None)
    bare, alone = (sorted((w.detach() for w in of), key=shape_and_sum) for of in trained)
    assert len(bare) == len(alone) > 3
    assert all(torch.equal(a, b) for a, b in zip(bare, alone, strict=True))


def shape_and_sum(weight: torch.Tensor) -> tuple[torch.Size, float]:
    return weight.shape, float(weight.sum())


@pytest.mark.parametrize("frozen", [True, False])
def test_a_frozen_critic_makes_no_power_iteration(frozen: bool) -> None:
    critic = bare_loops.normed_critic(SMALL)
    bare_loops.freeze(critic, frozen)
    before = {name: value.clone() for name, value in critic.named_buffers()}
    critic(images(0))
    changed = any(not torch.equal(before[name], value) for name, value in critic.named_buffers())
    assert changed != frozen
    assert all(weight.requires_grad != frozen for weight in critic.parameters())
