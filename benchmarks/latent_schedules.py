"""Latent distances of an EnergyVAE for several learning rates and weights.

    python -m benchmarks.latent_schedules [--epochs 25] [--data_dir DIR] [--batches N]

Each row of the table is one run with the networks, batch and latent of
configs/energy_vae_mnist.yaml, seed 0, one CPU thread. Rates and weights change after each epoch.
Reconstruction is the summed squared error of a test digit. d2 is the exact squared distance to
N(0, I) of the latents of 2,000 random test digits; G/n is its mean for as many i.i.d. samples.
Prints the table and writes no file.
"""

import argparse
import math
import os
from collections.abc import Callable
from functools import partial
from typing import final

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import torch
from lightning import Callback, LightningModule, Trainer, seed_everything
from torch.optim.lr_scheduler import LambdaLR

from datamodules import MNIST
from hawc.distances import squared_distance_to
from hawc.kernels import HuberEnergy
from lightning_modules import EnergyVAE
from networks import MLPDecoder, MLPEncoder

BATCH, LATENT_DIM, NUM_LATENTS = 422, 8, 2_000
Setting = tuple[float, str, float, float]

SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": lambda done: 1.0,
    "cosine": lambda done: 0.5 * (1 + math.cos(math.pi * done)),
    "linear in the last quarter": lambda done: min(1.0, 4 * (1 - done)),
}
# learning rate, schedule, latent weight at the beginning and at the end
SETTINGS: tuple[Setting, ...] = (
    (1e-3, "constant", 100.0, 100.0),
    (1e-3, "cosine", 100.0, 100.0),
    (1e-3, "linear in the last quarter", 100.0, 100.0),
    (1e-3, "linear in the last quarter", 200.0, 200.0),
    (1e-3, "cosine", 100.0, 1000.0),
    (1e-3, "cosine", 500.0, 500.0),
    (2e-3, "linear in the last quarter", 100.0, 100.0),
)


@final
class GrowingWeight(Callback):
    """Changes the latent weight geometrically from `first` to `last` over the epochs."""

    def __init__(self, first: float, last: float) -> None:
        self._first, self._last = first, last

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        done = trainer.current_epoch / max(1, (trainer.max_epochs or 1) - 1)
        pl_module._latent_weight = self._first * (self._last / self._first) ** done


def trained(data: MNIST, setting: Setting, epochs: int, batches: int | None) -> EnergyVAE:
    """Returns the trained model of one row."""
    rate, schedule, first, last = setting
    seed_everything(0, verbose=False)
    model = EnergyVAE(
        data.image_shape,
        LATENT_DIM,
        MLPEncoder,
        MLPDecoder,
        optimizer=partial(torch.optim.Adam, lr=rate, fused=True),
        scheduler=partial(LambdaLR, lr_lambda=lambda epoch: SCHEDULES[schedule](epoch / epochs)),
    )
    quiet = ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary")
    trainer = Trainer(
        **dict.fromkeys(quiet, False),
        max_epochs=epochs,
        limit_train_batches=batches,
        accelerator="cpu",
        limit_val_batches=0,
        callbacks=[GrowingWeight(first, last)],
    )
    trainer.fit(model, data)
    return model.eval()


@torch.no_grad()
def measured(model: EnergyVAE, data: MNIST) -> tuple[float, float, float]:
    """Returns the reconstruction, d2 and its ratio to G/n."""
    data.setup("test")
    images = torch.cat([images for images, _ in data.test_dataloader()])
    latents = model.encode(images)
    reconstruction = (images - model.decode(latents)).square().flatten(1).sum(1).mean()
    order = torch.randperm(len(latents), generator=torch.Generator().manual_seed(0))[:NUM_LATENTS]
    kernel, distribution = HuberEnergy(), model.prior
    distance = float(squared_distance_to(kernel, latents[order].double(), distribution))
    return float(reconstruction), distance, distance * len(order) / distribution.self_energy(kernel)


def main() -> None:
    """Prints a line of the table after each run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=25)
    parser.add_argument("--batches", type=int, help="per epoch; all if left out")
    parser.add_argument("--data_dir")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print(
        "| learning rate | latent weight | reconstruction | d² | times G/n |\n|---|---|---|---|---|"
    )
    for setting in SETTINGS:
        data = MNIST(batch_size=BATCH, data_dir=arguments.data_dir)
        model = trained(data, setting, arguments.epochs, arguments.batches)
        reconstruction, distance, times = measured(model, data)
        rate, schedule, first, last = setting
        weight = f"{first:g}" if first == last else f"{first:g} growing to {last:g}"
        figures = f"{reconstruction:.1f} | {distance:.4f} | {times:.1f}"
        print(f"| {rate:g}, {schedule} | {weight} | {figures} |", flush=True)


if __name__ == "__main__":
    main()
