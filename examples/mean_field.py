"""Products of two normal distributions, fitted by either KL to two toy distributions.

    python -m examples.mean_field

Trains `lightning_modules.MeanField` on samples of a correlated distribution and of one with two
modes. Prints its variances and the exact ones; writes docs/images/mean_field.png; takes seconds.

Source: Bishop 2006, "Pattern recognition and machine learning", figures 10.2 and 10.3.
"""

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import torch
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from torch import Tensor

from datamodules import GaussianEllipse, Gaussians2
from datamodules.toy import AbstractModes, AbstractToy
from hawc.module_state import fixed_noise
from hawc.targets import Normal
from hawc.threads import one_thread
from hawc.variational import forward_mean_field, reverse_mean_field
from lightning_modules import MeanField

DIRECTIONS = ("reverse", "forward")
DISTRIBUTIONS = {"correlated": GaussianEllipse(num_points=1), "two modes": Gaussians2(num_points=1)}
STEPS, BATCH_SIZE = 600, 500
IMAGE = Path(__file__).parent.parent / "docs" / "images" / "mean_field.png"


def fitted(
    distribution: AbstractToy, direction: Any, start: tuple[float, float] = (0.3, 0.3)
) -> MeanField:
    """Returns a product fitted by Adam on new samples in each step, with a rate falling to 0."""
    density: Any = distribution
    generator = torch.Generator().manual_seed(0)
    with fixed_noise(0), one_thread():
        model = MeanField((2,), direction, start, num_samples=BATCH_SIZE)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
        for _ in range(STEPS):
            points, _ = distribution.sample(BATCH_SIZE, generator=generator)
            optimizer.zero_grad()
            model.divergences(points, density.log_density)["loss"].backward()
            optimizer.step()
            schedule.step()
    return model


def exact_variances(distribution: AbstractToy, direction: str) -> Tensor:
    """Returns the variances of the best product; the reverse one covers one of two modes."""
    if isinstance(distribution, GaussianEllipse):
        normal = Normal(distribution.mean, distribution.covariance)
        best = {"reverse": reverse_mean_field, "forward": forward_mean_field}[direction](normal)
        return best.covariance.diagonal()
    assert isinstance(distribution, AbstractModes)
    within = torch.full((2,), distribution.mode_std**2, dtype=torch.float64)
    between = distribution.modes.double().var(0, correction=0)
    return within if direction == "reverse" else within + between


def plot(axes: Axes, distribution: AbstractToy, model: MeanField, title: str) -> None:
    """Plots contours of the distribution and of the product."""
    density: Any = distribution
    line = torch.linspace(-4, 4, 160)
    points = torch.cartesian_prod(line, line)
    product = Normal(model.mean.detach(), (2 * model.log_std.detach()).exp().diag())
    shown = ((density.log_density(points), "k"), (product.log_density(points), "tab:red"))
    for log_density, color in shown:
        relative = (log_density - log_density.max()).reshape(160, 160).T
        axes.contour(
            line, line, relative, levels=[-4.5, -2, -0.5], colors=color, linestyles="solid"
        )
    axes.set(title=title, aspect="equal")


def main() -> None:
    """Prints means and variances and writes the figure."""
    figure, every = plt.subplots(1, 4, figsize=(13, 3.5))
    pairs = [(name, direction) for name in DISTRIBUTIONS for direction in DIRECTIONS]
    print("| distribution | divergence | mean | variances | exact |")
    print("|---|---|---|---|---|")
    for axes, (name, direction) in zip(every, pairs, strict=True):
        model = fitted(DISTRIBUTIONS[name], direction)
        texts = [
            ", ".join(f"{float(number.detach()):.3f}" for number in numbers)
            for numbers in (
                model.mean,
                (2 * model.log_std).exp(),
                exact_variances(DISTRIBUTIONS[name], direction),
            )
        ]
        print(f"| {name} | {direction} | {' | '.join(texts)} |")
        plot(axes, DISTRIBUTIONS[name], model, f"{name}, {direction} KL")
    figure.tight_layout()
    figure.savefig(IMAGE, dpi=80)


if __name__ == "__main__":
    main()
