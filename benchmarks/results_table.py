"""Results of trained autoencoders on their test sets, one line per run.

    python -m benchmarks.results_table runs/<name>/<time> [more run folders] [--data_dir DIR]

Columns:

- the ELBO in nats per image (VAEs) or the reconstruction loss;
- the exact squared energy distance to the prior of the latents of 2,000 random test examples,
  sampled as in training; G/n, its mean for as many i.i.d. samples of the prior; their ratio;
- the distance of the latents of the first 2,000 (MNIST's first 5,000 test digits are from other
  writers than the rest);
- the median time and steps per second of an epoch, as the run logged them, and the CPU threads or
  the GPU of the run.

Writes benchmarks/results/autoencoders.md and, for docs/measurements.md, docs/images/<name>.png:
sixteen images of independent latents beside sixteen of history-aware ones.
"""

import argparse
import os
import platform
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import torch
from torch import Tensor
from torchvision.utils import make_grid, save_image

from benchmarks.trained import TrainedRun
from hawc import compress
from hawc.distances import squared_distance_to
from hawc.kernels import HuberEnergy
from lightning_modules.base.autoencoder import AbstractAutoencoder

RESULTS = Path(__file__).parent / "results" / "autoencoders.md"
IMAGES = Path(__file__).parent.parent / "docs" / "images"
NUM_LATENTS, NUM_IMAGES = 2_000, 16
COLUMNS = (
    *("config", "seed, epochs", "ELBO or reconstruction", "latent d²", "G/n", "times"),
    *("first examples' d²", "s an epoch", "steps/s", "on"),
)


@torch.no_grad()
def evaluated(run: TrainedRun, data_dir: str | None) -> tuple[str, Tensor]:
    """Returns the loss on the test set as text, and the latents of its examples."""
    torch.manual_seed(0)
    model, loader = run.model(), run.data(data_dir).test_dataloader()
    sums: dict[str, float] = {}
    latents: list[Tensor] = []
    count = 0
    for examples, _ in loader:
        for name, value in model.losses(examples).items():
            sums[name] = sums.get(name, 0.0) + float(value) * len(examples)
        count += len(examples)
        latents.append(model.sample_latents(examples))
    name = "elbo" if "elbo" in sums else "reconstruction"
    return f"{name} {sums[name] / count:.2f}", torch.cat(latents)


def row(run: TrainedRun, data_dir: str | None) -> str:
    """Returns the table's line of a run."""
    loss, latents = evaluated(run, data_dir)
    prior, kernel = run.model().prior, HuberEnergy()
    order = torch.randperm(len(latents), generator=torch.Generator().manual_seed(0))
    chosen = latents[order[:NUM_LATENTS]].double()
    distance = float(squared_distance_to(kernel, chosen, prior))
    first = float(squared_distance_to(kernel, latents[:NUM_LATENTS].double(), prior))
    independent = prior.self_energy(kernel) / len(chosen)
    times = [run.median(f"time/{name}") for name in ("epoch_seconds", "steps_per_second")]
    shown = " | ".join("" if value is None else f"{value:.3g}" for value in times)
    return (
        f"| {run.name} | {run.config['seed_everything']}, {run.epochs} | {loss} | "
        f"{distance:.4g} | {independent:.4g} | {distance / independent:.1f} | {first:.4g} | "
        f"{shown} | {run.machine} |"
    )


def save_images(run: TrainedRun) -> None:
    """Writes images of independent and history-aware latents; skips tables."""
    model = run.model()
    if len(model.image_shape) != 3:
        return
    generator = torch.Generator().manual_seed(0)
    independent = model.prior.sample(NUM_IMAGES, generator=generator)
    chosen = compress(model.prior, NUM_IMAGES, generator=generator).points
    columns = int(NUM_IMAGES**0.5)
    grids = [_grid(model, z, columns) for z in (independent, chosen)]
    gap = torch.ones(3, grids[0].shape[1], 8)
    IMAGES.mkdir(parents=True, exist_ok=True)
    save_image(torch.cat([grids[0], gap, grids[1]], dim=2), IMAGES / f"{run.name}.png")


@torch.no_grad()
def _grid(model: AbstractAutoencoder, z: Tensor, columns: int) -> Tensor:
    return make_grid(model.decode(z), nrow=columns, padding=1, pad_value=0.5)


def main() -> None:
    """Prints the table line by line, writes it and the images."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--data_dir")
    arguments = parser.parse_args()
    lines = [
        "# Autoencoders on their test sets\n",
        f"`python -m benchmarks.results_table`; torch {torch.__version__}, {os.cpu_count()} "
        f"{platform.machine()} CPU cores.\n",
        f"| {' | '.join(COLUMNS)} |",
        "|---" * len(COLUMNS) + "|",
    ]
    print("\n".join(lines))
    for folder in arguments.folders:
        run = TrainedRun(folder)
        lines.append(row(run, arguments.data_dir))
        print(lines[-1], flush=True)
        save_images(run)
    RESULTS.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
