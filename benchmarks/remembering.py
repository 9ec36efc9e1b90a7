"""Figure of the README: five rounds of ten samples, with and without memory.

    python -m benchmarks.remembering

Trains a Huber-energy VAE with two latent coordinates on MNIST5k (a minute on two cores). Samples
five rounds of ten latents by history-aware compression and as many i.i.d. ones, and shows the
latents and their images. Writes docs/images/remembering.png.
"""

import os
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import matplotlib

matplotlib.use("Agg")
import torch
from lightning import Trainer, seed_everything
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from torch import Tensor
from torchvision.utils import make_grid

from datamodules import MNIST5k
from hawc import HistoryAwareSampler
from hawc.compression import Deterministic
from hawc.distances import squared_distance_to
from hawc.kernels import HuberEnergy
from lightning_modules import EnergyVAE
from networks import MLPDecoder, MLPEncoder

ROUNDS, EACH = 5, 10
IID_SEED = 27  # its samples have nearly the mean squared distance of i.i.d. ones, 0.0177
IMAGE = Path(__file__).parent.parent / "docs" / "images" / "remembering.png"


def trained_model(epochs: int) -> EnergyVAE:
    """Returns a model trained on MNIST5k."""
    seed_everything(0, verbose=False)
    widths = (400, 400, 400)
    model = EnergyVAE(
        (1, 28, 28), 2, partial(MLPEncoder, widths=widths), partial(MLPDecoder, widths=widths)
    )
    trainer = Trainer(
        max_epochs=epochs, accelerator="cpu", logger=False, enable_checkpointing=False
    )
    trainer.fit(model, MNIST5k(batch_size=100, num_validation=0))
    return model.eval()


def draw_points(axes: Axes, points: Tensor, title: str) -> None:
    """Plots latents in the plane, one colour per round."""
    for number, batch in enumerate(points.split(EACH)):
        axes.scatter(*batch.T, s=22, color=plt.cm.viridis(number / (ROUNDS - 1)))
    axes.set(xlim=(-3.2, 3.2), ylim=(-3.2, 3.2), aspect="equal", xticks=[], yticks=[])
    axes.set_title(title, fontsize=11)


@torch.no_grad()
def draw_figure(model: EnergyVAE) -> None:
    """Writes the figure."""
    generator = torch.Generator().manual_seed(0)
    sampler = HistoryAwareSampler(model.prior, solver=Deterministic())
    remembered = torch.cat([sampler.sample(EACH, generator=generator) for _ in range(ROUNDS)])
    generator = torch.Generator().manual_seed(IID_SEED)
    independent = model.prior.sample(ROUNDS * EACH, generator=generator)
    figure, axes = plt.subplots(2, 2, figsize=(9, 6.8), height_ratios=(1, 0.62))
    kinds = (("i.i.d. samples", independent), ("with memory, five rounds of ten", remembered))
    for column, (name, points) in enumerate(kinds):
        distance = squared_distance_to(HuberEnergy(), points.double(), model.prior)
        draw_points(axes[0, column], points, f"{name}\nsquared distance to N(0, I): {distance:.4f}")
        grid = make_grid(1 - model.decode(points), nrow=EACH, padding=1, pad_value=1)
        axes[1, column].imshow(grid.permute(1, 2, 0))
        axes[1, column].axis("off")
    figure.tight_layout()
    IMAGE.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(IMAGE, dpi=110, bbox_inches="tight")


if __name__ == "__main__":
    draw_figure(trained_model(epochs=80))
