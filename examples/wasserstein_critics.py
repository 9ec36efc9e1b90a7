"""Estimates of a known W1 by critics of WGAN, with gradient penalty and with clipping.

    python -m examples.wasserstein_critics

Trains critics of `lightning_modules.WGANGP` and `WGAN` on samples of two fixed distributions. Their
estimates, from means of the critic on 100,000 new samples of either distribution, are compared with
W1.

The penalty applies to slopes below and above 1 and has a finite weight. For a distribution and its
translate the best slope is 1 + W1 / (2 lambda), so the estimate is too large by that factor.
Clipping leaves the slope K of the critic unknown; the estimate is up to K W1. Writes
docs/images/wasserstein_critics.png; takes less than a minute.

Source: Gulrajani et al. 2017, arXiv 1704.00028; Arjovsky et al. 2017, arXiv 1701.07875.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import matplotlib

matplotlib.use("Agg")
import torch
from matplotlib import pyplot as plt
from torch import Tensor

from examples.optimal_discriminator import no_generator, train_critic
from hawc.divergences import normals
from hawc.module_state import fixed_noise
from hawc.targets import AbstractTarget, Normal
from lightning_modules import WGAN, WGANGP
from lightning_modules.base.adversarial import AbstractAdversarial
from networks import MLPEncoder

DISTRIBUTIONS = {
    "N(0, 1/4) and N(1/2, 1/4)": (
        Normal(torch.tensor([0.0]), 0.25),
        Normal(torch.tensor([0.5]), 0.25),
    ),
    "N(0, 1) and N(0, 1/4)": (Normal(torch.tensor([0.0]), 1.0), Normal(torch.tensor([0.0]), 0.25)),
    "N(0, I/4) and N((0.3, 0.4), I/4)": (
        Normal(torch.zeros(2), 0.25),
        Normal(torch.tensor([0.3, 0.4]), 0.25),
    ),
}
STEPS, BATCH_SIZE, NUM_SAMPLES = 1500, 512, 100_000
CRITIC = partial(MLPEncoder, widths=(64, 64))
IMAGE = Path(__file__).parent.parent / "docs" / "images" / "wasserstein_critics.png"


class Estimate(NamedTuple):
    """Estimate of a critic; slopes are those at samples of both distributions."""

    estimate: float
    wasserstein_1: float
    largest_slope: float

    @property
    def ratio(self) -> float:
        """The estimate over the distance."""
        return self.estimate / self.wasserstein_1


def penalized(dim: int, penalty_weight: float = 10.0) -> WGANGP:
    """Returns a WGAN-GP on rows with a learning rate that falls to 0."""
    return WGANGP(
        (dim,),
        1,
        no_generator,
        CRITIC,
        critic_optimizer=partial(torch.optim.Adam, lr=2e-3, betas=(0.0, 0.9)),
        critic_scheduler=partial(torch.optim.lr_scheduler.CosineAnnealingLR, T_max=STEPS),
        penalty_weight=penalty_weight,
    )


def clipped(dim: int, clip: float = 0.01) -> WGAN:
    """Returns a WGAN on rows as published: RMSprop with rate 5e-5, c = 0.01."""
    return WGAN((dim,), 1, no_generator, CRITIC, clip=clip)


def estimated(model: AbstractAdversarial, real: Normal, fake: Normal) -> Estimate:
    """Trains a model's critic on two distributions; returns its estimate on new samples."""
    train_critic(model, real, fake, steps=STEPS, batch_size=BATCH_SIZE)
    generator = torch.Generator().manual_seed(2)
    x, y = (distribution.sample(NUM_SAMPLES, generator=generator) for distribution in (real, fake))
    with torch.no_grad():
        estimate = float(model.critic(x).mean() - model.critic(y).mean())
    points = torch.cat((x[:2000], y[:2000])).requires_grad_()
    (slopes,) = torch.autograd.grad(model.critic(points).sum(), points)
    return Estimate(estimate, normals.wasserstein_1(real, fake), float(slopes.norm(dim=1).max()))


def compare() -> Iterator[tuple[str, str, AbstractAdversarial, Estimate]]:
    """Yields distributions, kind of critic, the trained model and its estimate."""
    for name, (real, fake) in DISTRIBUTIONS.items():
        for kind, make in (("gradient penalty", penalized), ("clipping", clipped)):
            with fixed_noise(0):
                model = make(real.dim)
                yield name, kind, model, estimated(model, real, fake)


def plot(
    critics: dict[str, AbstractAdversarial], distributions: tuple[AbstractTarget, ...]
) -> None:
    """Plots critics on the line minus their values at 0, unscaled and scaled to slope 1."""
    points = torch.linspace(-2.5, 3, 400)[:, None]
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6))
    for kind, model in critics.items():
        values = _critic(model, points) - _critic(model, torch.zeros(1, 1))
        slope = float((values.diff(dim=0) / points.diff(dim=0)).abs().max())
        left.plot(points, values, label=kind)
        right.plot(points, values / slope, label=f"{kind}, over its slope {slope:.2g}")
    for distribution in distributions:
        generator = torch.Generator().manual_seed(0)
        right.hist(
            distribution.sample(4000, generator=generator)[:, 0], 60, density=True, alpha=0.3
        )
    for axes in (left, right):
        axes.legend(fontsize=8)
        axes.set_xlabel("x")
    figure.tight_layout()
    figure.savefig(IMAGE, dpi=80)


def main() -> None:
    """Prints the table and plots the critics of the first pair."""
    print("| distributions | critic | W1 | estimate | estimate / W1 | largest slope |")
    print("|---|---|---|---|---|---|")
    first: dict[str, AbstractAdversarial] = {}
    for name, kind, model, result in compare():
        print(
            f"| {name} | {kind} | {result.wasserstein_1:.4f} | {result.estimate:.4g} | "
            f"{result.ratio:.3g} | {result.largest_slope:.3g} |"
        )
        if name == next(iter(DISTRIBUTIONS)):
            first[kind] = model
    plot(first, next(iter(DISTRIBUTIONS.values())))


@torch.no_grad()
def _critic(model: AbstractAdversarial, points: Tensor) -> Tensor:
    return model.critic(points)


if __name__ == "__main__":
    main()
