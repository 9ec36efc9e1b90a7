"""Ten images of independent latents above ten of latents chosen with memory.

    python -m benchmarks.before_after runs/<name>/<time> [runs/...] [--by_features]

The first row decodes ten independent latents. The second decodes ten latents of history-aware
compression (HAW-C), chosen one by one, each with regard to all before. With --by_features, for a
model of digits, a third row shows ten images of `hawc.FeatureSampler`. Writes
docs/images/before_after_<name>.png for each run.
"""

import argparse
import os
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import torch
from torch import Tensor
from torchvision.utils import save_image

from benchmarks.random_images import random_digits
from benchmarks.trained import TrainedRun
from hawc import Empirical, FeatureSampler, HistoryAwareSampler, IndependentSampler
from lightning_modules.interface import LatentGenerator
from networks import DigitFeatures

NUM_IMAGES, NUM_REAL = 10, 4000
IMAGES = Path(__file__).parent.parent / "docs" / "images"


@torch.no_grad()
def two_rows(model: LatentGenerator, seed: int = 0) -> Tensor:
    """Returns images (20, c, h, w) of ten independent and ten recursive latents."""
    generator = torch.Generator().manual_seed(seed)
    independent = IndependentSampler(model.prior).sample(NUM_IMAGES, generator=generator)
    sampler = HistoryAwareSampler(model.prior)
    recursive = [sampler.sample(1, generator=generator) for _ in range(NUM_IMAGES)]
    return model.decode(torch.cat([independent, *recursive]))


@torch.no_grad()
def row_by_features(model: LatentGenerator, real: Tensor, seed: int = 0) -> Tensor:
    """Returns ten images chosen by features to represent real digits."""
    network = DigitFeatures("choosing")
    sampler = FeatureSampler(
        model.prior, decode=model.decode, features=network, data=Empirical(network(real))
    )
    generator = torch.Generator().manual_seed(seed)
    return model.decode(sampler.sample(NUM_IMAGES, generator=generator))


def main() -> None:
    """Writes the figure of each run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--by_features", action="store_true")
    arguments = parser.parse_args()
    for folder in arguments.folders:
        run = TrainedRun(folder)
        model = run.averaged() or run.model()
        rows = [two_rows(model)]
        if arguments.by_features:
            rows.append(row_by_features(model, random_digits(NUM_REAL, train=True)))
        path = IMAGES / f"before_after_{run.name}.png"
        save_image(1 - torch.cat(rows), path, nrow=NUM_IMAGES, pad_value=1)
        print(path)


if __name__ == "__main__":
    main()
