"""A GAN's discriminator for two known distributions in comparison with D* = p / (p + q).

    python -m examples.optimal_discriminator

Trains the critic of `lightning_modules.GAN` on samples of two fixed distributions on the line, then
compares it with D* and its value with -log 4 + 2 JS. Writes docs/images/optimal_discriminator.png;
takes seconds.

Source: Goodfellow et al. 2014, "Generative adversarial networks", arXiv 1406.2661, proposition 1.
"""

from functools import partial
from pathlib import Path
from typing import NamedTuple

import matplotlib

matplotlib.use("Agg")
import torch
from matplotlib import pyplot as plt
from torch import Tensor, nn

from hawc.divergences import densities, discriminator
from hawc.module_state import fixed_noise
from hawc.targets import AbstractTarget, GaussianMixture, Normal
from hawc.threads import one_thread
from lightning_modules import GAN
from lightning_modules.base.adversarial import AbstractAdversarial
from networks import MLPEncoder

REAL = GaussianMixture(torch.tensor([0.3, 0.7]), torch.tensor([[-2.0], [1.0]]), 0.25)
FAKE = Normal(torch.tensor([0.0]), 4.0)
DISTRIBUTIONS = (REAL.log_density, FAKE.log_density)
INTERVAL = (-24.0, 24.0)
STEPS, BATCH_SIZE = 1500, 512
IMAGE = Path(__file__).parent.parent / "docs" / "images" / "optimal_discriminator.png"


class Comparison(NamedTuple):
    """Values of a discriminator and of D*; the error is the mean of |D - D*| under (p + q) / 2."""

    value: float
    optimal_value: float
    error: float


def no_generator(image_shape: tuple[int, ...], latent_dim: int) -> nn.Module:
    """Returns a placeholder: fixed distributions need no generator."""
    return nn.Linear(latent_dim, *image_shape)


def gan() -> GAN:
    """Returns a GAN on the line with a critic of two hidden layers."""
    return GAN(
        (1,),
        1,
        no_generator,
        partial(MLPEncoder, widths=(64, 64)),
        critic_optimizer=partial(torch.optim.Adam, lr=3e-3),
        critic_scheduler=partial(torch.optim.lr_scheduler.CosineAnnealingLR, T_max=STEPS),
    )


def train_critic(
    model: AbstractAdversarial,
    real: AbstractTarget,
    fake: AbstractTarget,
    *,
    steps: int = STEPS,
    batch_size: int = BATCH_SIZE,
) -> None:
    """Trains the critic of an adversarial model on samples of two distributions.

    Losses, bounds of weights, optimizer and schedule are those of the model.
    """
    (optimizer, _), schedules = model.configure_optimizers()
    generator = torch.Generator().manual_seed(1)
    with one_thread():  # the networks are too small for several
        for _ in range(steps):
            samples = (
                distribution.sample(batch_size, generator=generator)
                for distribution in (real, fake)
            )
            optimizer.zero_grad()
            model.critic_losses(*samples)["loss"].backward()
            optimizer.step()
            model.constrain_critic()
            for schedule in schedules:
                schedule.step()


def compare(model: GAN) -> Comparison:
    """Returns the comparison of a discriminator with the optimal one, by quadrature."""

    def logit(points: Tensor) -> Tensor:
        return model.critic(points.float())[:, 0]

    nodes = densities.on_nodes(*DISTRIBUTIONS, INTERVAL)
    with torch.no_grad():
        off = logit(nodes.points[:, None]).sigmoid() - (nodes.log_p - nodes.log_q).sigmoid()
    return Comparison(
        value=discriminator.value(logit, *DISTRIBUTIONS, INTERVAL),
        optimal_value=discriminator.optimal_value(*DISTRIBUTIONS, INTERVAL),
        error=0.5 * (nodes.mean_under_p(off.abs()) + nodes.mean_under_q(off.abs())),
    )


def trained() -> GAN:
    """Returns a GAN whose critic is trained on both distributions; reproducible."""
    with fixed_noise(0):
        model = gan()
        train_critic(model, REAL, FAKE)
    return model


def plot(model: GAN) -> None:
    """Plots both densities, D and D*."""
    points = torch.linspace(-6, 6, 600)[:, None]
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6))
    for name, log_density in zip(("real: p", "generated: q"), DISTRIBUTIONS, strict=True):
        left.plot(points, log_density(points).exp(), label=name)
    best = discriminator.optimal_logit(*DISTRIBUTIONS, points).sigmoid()
    with torch.no_grad():
        right.plot(points, model.critic(points).sigmoid(), label="D, trained")
    right.plot(points, best, "k--", lw=1, label="D* = p / (p + q)")
    for axes in (left, right):
        axes.legend(fontsize=8)
        axes.set_xlabel("x")
    figure.tight_layout()
    figure.savefig(IMAGE, dpi=80)


def main() -> None:
    """Prints value and error and writes the figure."""
    model = trained()
    result = compare(model)
    print(
        f"value {result.value:.5f}, best {result.optimal_value:.5f} "
        f"({result.value / result.optimal_value - 1:+.2%}), mean |D - D*| {result.error:.5f}"
    )
    plot(model)


if __name__ == "__main__":
    main()
