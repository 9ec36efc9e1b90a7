"""Classes of generated digits, and the confidence of a classifier in them.

    python -m benchmarks.digit_quality runs/<name>/<time> [more run folders] [--data_dir DIR]

For each run of a generator of MNIST-like images, the judging network (docs/feature-networks.md)
classifies 200 images of independent latents. The table also has 200 test digits and 200 images of
the untrained generator. Confidence is the probability of the predicted digit. Writes
benchmarks/results/digit_quality.md and docs/images/<name>.png with the first 64 images, of averaged
weights if the run has them.
"""

import argparse
import os
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import torch
from torch import Tensor
from torchvision.utils import save_image

from benchmarks.random_images import random_digits
from benchmarks.trained import TrainedRun
from lightning_modules.interface import LatentGenerator
from networks import DigitFeatures
from networks.trained_weights import training_record

RESULTS = Path(__file__).parent / "results" / "digit_quality.md"
IMAGES = Path(__file__).parent.parent / "docs" / "images"
NUM_JUDGED, NUM_SHOWN = 200, 64


@torch.no_grad()
def row(name: str, images: Tensor, classify: Callable[[Tensor], Tensor]) -> str:
    """Returns the table's line of some images."""
    confidence, digits = classify(images).softmax(1).max(1)
    counts = digits.bincount(minlength=10).tolist()
    return (
        f"| {name} | {len(digits.unique())} | {min(counts)} to {max(counts)} | "
        f"{confidence.mean():.3f} | {(confidence > 0.9).float().mean():.2f} |"
    )


@torch.no_grad()
def sampled(model: LatentGenerator) -> Tensor:
    """Returns images of independent latents."""
    generator = torch.Generator().manual_seed(0)
    return model.decode(model.prior.sample(NUM_JUDGED, generator=generator))


def main() -> None:
    """Prints the table line by line, writes it and the images."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--data_dir")
    arguments = parser.parse_args()
    classify = DigitFeatures("judging").classify
    real = random_digits(NUM_JUDGED, train=False, data_dir=arguments.data_dir)
    accuracy = training_record("digits", "judging")["test_accuracy"]
    lines = [
        "# Digits of generators\n",
        f"`python -m benchmarks.digit_quality`; {NUM_JUDGED} images per line, the classifier is "
        f"right on {100 * accuracy:.1f} % of the test digits.\n",
        "| images | different digits | images of a digit | mean confidence | share over 0.9 |",
        "|---|---|---|---|---|",
        row("test digits", real, classify),
    ]
    print("\n".join(lines))
    for folder in arguments.folders:
        run, num_printed = TrainedRun(folder), len(lines)
        images = sampled(run.model())
        lines.append(row(f"{run.name}, {run.epochs} epochs", images, classify))
        if (averaged := run.averaged()) is not None:
            images = sampled(averaged)
            lines.append(row(f"{run.name}, weights averaged", images, classify))
        lines.append(row(f"{run.name}, untrained", sampled(run.untrained()), classify))
        print("\n".join(lines[num_printed:]), flush=True)
        save_image(images[:NUM_SHOWN], IMAGES / f"{run.name}.png", nrow=8, padding=1)
    RESULTS.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
