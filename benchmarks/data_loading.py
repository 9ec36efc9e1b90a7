"""Images per second of this project's loader and of torchvision's.

    HAWC_DATA=<folder with MNIST/raw> python -m benchmarks.data_loading

Both deliver shuffled float32 batches of MNIST in [0, 1]. Passes alternate, so a slow moment of the
machine affects both. The table holds medians and ranges over passes, and their ratios. Writes
benchmarks/results/data_loading.md.
"""

import argparse
import os
import statistics
import time
from collections.abc import Iterable
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import torch
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

from datamodules import MNIST

BATCH_SIZE = 128
RESULTS = Path(__file__).parent / "results" / "data_loading.md"


def images_per_second(batches: Iterable[object], limit: int) -> float:
    """Returns the images per second of one pass over at most `limit` batches."""
    start, count = time.perf_counter(), 0
    for count, _ in enumerate(batches, start=1):
        if count == limit:
            break
    return count * BATCH_SIZE / (time.perf_counter() - start)


def measure(passes: int) -> dict[str, list[float]]:
    """Returns the images per second of both loaders, one number per pass."""
    data = MNIST(batch_size=BATCH_SIZE, num_validation=0)
    data.prepare_data()
    data.setup("fit")
    ours = data.train_dataloader()
    dataset = datasets.MNIST(data.data_dir, transform=transforms.ToTensor())
    theirs = DataLoader(dataset, BATCH_SIZE, shuffle=True, drop_last=True)
    speeds: dict[str, list[float]] = {
        "datamodules.MNIST": [],
        "torchvision, example by example": [],
    }
    for _ in range(passes):
        speeds["datamodules.MNIST"].append(images_per_second(ours, limit=468))
        speeds["torchvision, example by example"].append(images_per_second(theirs, limit=100))
    return speeds


def table(speeds: dict[str, list[float]]) -> str:
    """Returns the measurements as Markdown."""
    rows = [
        f"| {name} | {statistics.median(v):,.0f} | {min(v):,.0f} to {max(v):,.0f} |"
        for name, v in speeds.items()
    ]
    ours, theirs = speeds.values()
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    return "\n".join(
        [
            f"MNIST, batches of {BATCH_SIZE}, {len(ours)} alternating passes, "
            f"{os.cpu_count()} CPU cores, torch {torch.__version__}, no workers.",
            "",
            "| loader | images/s, median | range |",
            "|---|---|---|",
            *rows,
            "",
            f"Ratio, pass by pass: median {statistics.median(ratios):.0f}, "
            f"{min(ratios):.0f} to {max(ratios):.0f}.",
        ]
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--passes", type=int, default=7)
    text = table(measure(parser.parse_args().passes))
    print(text)
    RESULTS.write_text(f"# Loading images\n\n`python -m benchmarks.data_loading`\n\n{text}\n")
