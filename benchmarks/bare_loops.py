"""Bare training loops of each model: no framework, no checks, no logs.

Each loop makes the steps of the model of its name, on the same networks and number of examples,
gathered from memory. Fakes of a critic's step have no graph. Real and fake images go through the
critic in one pass unless it has a batch norm. The critic is frozen during a generator's step. The
loops do not import Lightning, which changes environment variables.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import final

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, relu, softplus
from torch.nn.utils.parametrizations import spectral_norm
from torch.nn.utils.parametrize import is_parametrized

from benchmarks.phases import Tick
from hawc import StandardNormal
from hawc.distances import squared_distance_to
from hawc.kernels import HuberEnergy

__all__ = ["LOOPS", "Setting", "random_examples"]

CLIP, PENALTY, MARGIN, LATENT_WEIGHT, RECONSTRUCTION = 0.01, 10.0, 10.0, 100.0, 10.0

Loss = Callable[..., Tensor]


@final
@dataclass(frozen=True)
class Setting:
    """Networks of one size; encoders also serve as critics, decoders as generators.

    Args:
        shape: of an example, (channels, height, width) or (features,).
        latent_dim: number of latent coordinates.
        encoder: factory from an example's shape and a number of outputs.
        decoder: factory from an example's shape and a number of inputs.
        translator: factory from an example's shape.
        num_steps: number of training batches.
        batch_size: examples of a batch in this process.
        spread: wraps each network for training in several processes.
    """

    shape: tuple[int, ...]
    latent_dim: int
    encoder: Callable[[tuple[int, ...], int], nn.Module]
    decoder: Callable[[tuple[int, ...], int], nn.Module]
    translator: Callable[[tuple[int, ...]], nn.Module]
    num_steps: int
    batch_size: int = 64
    spread: Callable[[nn.Module], nn.Module] = lambda network: network

    @property
    def is_image(self) -> bool:
        return len(self.shape) == 3

    def as_generator(self, network: nn.Module) -> nn.Module:
        """Returns a generator of images in [-1, 1] or of rows without bounds."""
        return self.spread(nn.Sequential(network, *([nn.Tanh()] if self.is_image else [])))

    def batches(self, *, signed: bool, seed: int = 0) -> Iterator[Tensor]:
        """Yields shuffled batches, of images in [-1, 1] or [0, 1]."""
        examples = random_examples(self.shape, self.num_steps * self.batch_size, seed)
        for index in torch.randperm(len(examples)).split(self.batch_size):
            batch = examples.index_select(0, index)
            if batch.dtype == torch.uint8:
                batch = batch.float().div_(127.5).sub_(1) if signed else batch.float().div_(255)
            yield batch


def random_examples(shape: tuple[int, ...], n: int, seed: int = 0) -> Tensor:
    """Returns random uint8 images, or float32 rows."""
    generator = torch.Generator().manual_seed(seed)
    if len(shape) == 3:
        return torch.randint(0, 256, (n, *shape), generator=generator, dtype=torch.uint8)
    return torch.randn(n, *shape, generator=generator)


def adam(*networks: nn.Module) -> torch.optim.Adam:
    return torch.optim.Adam([weight for network in networks for weight in network.parameters()])


def descend(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def scores(critic: nn.Module, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    if any(isinstance(layer, nn.BatchNorm2d) for layer in critic.modules()):
        return critic(real), critic(fake)
    on_real, on_fake = critic(torch.cat((real, fake))).chunk(2)
    return on_real, on_fake


def gan_critic_loss(critic: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    on_real, on_fake = scores(critic, real, fake)
    return softplus(-on_real).mean() + softplus(on_fake).mean()


def wgan_critic_loss(critic: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    on_real, on_fake = scores(critic, real, fake)
    return on_fake.mean() - on_real.mean()


def wgan_gp_critic_loss(critic: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    share = torch.rand(len(real), *[1] * (real.ndim - 1))
    between = (real + share * (fake - real)).requires_grad_()
    (slopes,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    penalty = (slopes.flatten(1).norm(dim=1) - 1).square().mean()
    return PENALTY * penalty + wgan_critic_loss(critic, real, fake)


def hinge_critic_loss(critic: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    on_real, on_fake = scores(critic, real, fake)
    return relu(1 - on_real).mean() + relu(1 + on_fake).mean()


def energies(critic: nn.Module, images: Tensor) -> Tensor:
    return (critic(images) - images).flatten(1).norm(dim=1)


def energy_critic_loss(critic: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    on_real, on_fake = energies(critic, torch.cat((real, fake))).chunk(2)
    return on_real.mean() + relu(MARGIN - on_fake).mean()


def plain_critic(setting: Setting) -> nn.Module:
    return setting.encoder(setting.shape, 1)


def normed_critic(setting: Setting) -> nn.Module:
    critic = plain_critic(setting)
    for layer in list(critic.modules()):
        if isinstance(layer, nn.Linear | nn.Conv2d):
            spectral_norm(layer)
    return critic


def autoencoder(setting: Setting) -> nn.Module:
    size = setting.latent_dim
    encoder, decoder = setting.encoder(setting.shape, size), setting.decoder(setting.shape, size)
    return setting.as_generator(nn.Sequential(encoder, decoder))


def freeze(critic: nn.Module, frozen: bool) -> None:
    """Freezes or thaws a critic's weights and the power iterations of its spectral norms."""
    critic.requires_grad_(not frozen)
    for layer in critic.modules():
        if is_parametrized(layer):
            layer.parametrizations.train(not frozen)  # type: ignore[union-attr, operator]


def clamp_weights(critic: nn.Module) -> None:
    with torch.no_grad():
        for weight in critic.parameters():
            weight.clamp_(-CLIP, CLIP)


def pair_loop(
    make_critic: Callable[[Setting], nn.Module],
    critic_loss: Loss,
    generator_loss: Loss,
    constrain: Callable[[nn.Module], None],
    setting: Setting,
    tick: Tick,
) -> None:
    """Trains a generator and a critic, one step of each per batch."""
    latent_dim = setting.latent_dim
    generator = setting.as_generator(setting.decoder(setting.shape, latent_dim))
    critic = setting.spread(make_critic(setting))
    critic_optimizer, generator_optimizer = adam(critic), adam(generator)
    for real in setting.batches(signed=True):
        with torch.no_grad():
            fake = generator(torch.randn(len(real), latent_dim))
        descend(critic_optimizer, critic_loss(critic, real, fake))
        constrain(critic)
        freeze(critic, True)
        fake = generator(torch.randn(len(real), latent_dim))
        descend(generator_optimizer, generator_loss(critic, fake))
        freeze(critic, False)
        tick()


def disco_loop(setting: Setting, tick: Tick) -> None:
    """Trains two translators and two critics, a step of each kind on alternate batches."""
    shape = setting.shape
    to_b, to_a = (setting.as_generator(setting.translator(shape)) for _ in range(2))
    critic_a, critic_b = (setting.spread(setting.encoder(shape, 1)) for _ in range(2))
    critic_optimizer, generator_optimizer = adam(critic_a, critic_b), adam(to_b, to_a)
    domains = [setting.batches(signed=True, seed=seed) for seed in range(2)]
    for number, (a, b) in enumerate(zip(*domains, strict=True)):
        if number % 2 == 0:
            with torch.no_grad():
                fake_b, fake_a = to_b(a), to_a(b)
            loss = gan_critic_loss(critic_b, b, fake_b) + gan_critic_loss(critic_a, a, fake_a)
            descend(critic_optimizer, loss)
        else:
            critic_a.requires_grad_(False)
            critic_b.requires_grad_(False)
            there = translation_loss(setting, a, to_b, to_a, critic_b)
            back = translation_loss(setting, b, to_a, to_b, critic_a)
            descend(generator_optimizer, there + back)
            critic_a.requires_grad_(True)
            critic_b.requires_grad_(True)
        tick()


def translation_loss(
    setting: Setting, source: Tensor, there: nn.Module, back: nn.Module, critic: nn.Module
) -> Tensor:
    fake = there(source)
    scale = 4 if setting.is_image else 1  # images are compared in [0, 1]
    distance = (back(fake) - source).square().mean() / scale
    return softplus(-critic(fake)).mean() + RECONSTRUCTION * distance


def vae_loss(setting: Setting, encoder: nn.Module, decoder: nn.Module, x: Tensor) -> Tensor:
    mean, log_variance = encoder(x).chunk(2, dim=1)
    z = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
    decoded = decoder(z)
    if setting.is_image:
        nll = binary_cross_entropy_with_logits(decoded, x, reduction="sum") / len(x)
    else:
        nll = 0.5 * (decoded - x).square().flatten(1).sum(1).mean()  # sigma 1, less a constant
    return nll + 0.5 * (mean.square() + log_variance.exp() - log_variance - 1).sum(1).mean()


def energy_vae_loss(setting: Setting, encoder: nn.Module, decoder: nn.Module, x: Tensor) -> Tensor:
    z = encoder(x)
    decoded = decoder(z).sigmoid() if setting.is_image else decoder(z)
    distance = squared_distance_to(HuberEnergy(), z, StandardNormal(setting.latent_dim))
    return (x - decoded).square().flatten(1).sum(1).mean() + LATENT_WEIGHT * distance


def autoencoder_loop(loss: Loss, outputs: int, setting: Setting, tick: Tick) -> None:
    """Trains an encoder, with `outputs` numbers per latent coordinate, and a decoder."""
    encoder = setting.spread(setting.encoder(setting.shape, outputs * setting.latent_dim))
    decoder = setting.spread(setting.decoder(setting.shape, setting.latent_dim))
    optimizer = adam(encoder, decoder)
    for x in setting.batches(signed=False):
        descend(optimizer, loss(setting, encoder, decoder, x))
        tick()


def unconstrained(critic: nn.Module) -> None:
    """Does not change the critic."""


def score_loss(critic: nn.Module, fake: Tensor) -> Tensor:
    return -critic(fake).mean()


LOOPS: dict[str, Callable[[Setting, Tick], None]] = {
    "VAE": partial(autoencoder_loop, vae_loss, 2),
    "EnergyVAE": partial(autoencoder_loop, energy_vae_loss, 1),
    "GAN": partial(
        pair_loop,
        plain_critic,
        gan_critic_loss,
        lambda critic, fake: softplus(-critic(fake)).mean(),
        unconstrained,
    ),
    "WGAN": partial(pair_loop, plain_critic, wgan_critic_loss, score_loss, clamp_weights),
    "WGANGP": partial(pair_loop, plain_critic, wgan_gp_critic_loss, score_loss, unconstrained),
    "SNGAN": partial(pair_loop, normed_critic, hinge_critic_loss, score_loss, unconstrained),
    "EBGAN": partial(
        pair_loop,
        autoencoder,
        energy_critic_loss,
        lambda critic, fake: energies(critic, fake).mean(),
        unconstrained,
    ),
    "DiscoGAN": disco_loop,
}
