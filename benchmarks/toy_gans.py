"""Covered modes of toy distributions over the training time of adversarial models.

    python -m benchmarks.toy_gans [--threads 1] [--seeds 5]

Trains configs/wgan_gp_25_gaussians.yaml once and evaluates 10,000 generated points every few
seconds: the number of covered modes, and the share of points within four standard deviations of a
mode. A mode is covered if a tenth of its fair share of points are that near. Then trains
configs/gan_8_gaussians.yaml with either generator loss and several seeds. Writes
benchmarks/results/toy_gans.md and docs/images/toy_gans.png.
"""

import argparse
import os
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from unittest import mock

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import matplotlib

matplotlib.use("Agg")
import torch
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from torch import Tensor

import train
from benchmarks.toy_snapshots import NUM_POINTS, Snapshot, ToySnapshots
from datamodules import Gaussians25

ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results" / "toy_gans.md"
IMAGE = ROOT / "docs" / "images" / "toy_gans.png"
GRID, CIRCLE = "wgan_gp_25_gaussians", "gan_8_gaussians"
LOSSES = ("non_saturating", "minimax")
EVERY_SECONDS = 15.0
WITHIN_SECONDS, REQUIRED_SHARE = 300, 0.8


def trained(config: str, *options: str, every_seconds: float | None = None) -> list[Snapshot]:
    """Returns the snapshots of a training by train.py; the last one is at the end."""
    ToySnapshots.snapshots = []
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.dict(os.environ, {"WANDB_MODE": "disabled"}),
    ):
        words = ["--config", str(ROOT / "configs" / f"{config}.yaml")]
        words += ["--run_folder", f"{folder}/run", "--trainer.accelerator", "cpu"]
        words += ["--trainer.callbacks+", "benchmarks.toy_snapshots.ToySnapshots"]
        if every_seconds is not None:
            words += ["--trainer.callbacks.every_seconds", str(every_seconds)]
        train.main([*words, *options])
    return ToySnapshots.snapshots


def curve_lines(curve: Sequence[Snapshot]) -> Iterator[str]:
    """Yields the table of one run, then the time at which the requirement was met."""
    yield "| seconds | processor seconds | generator steps | modes of 25 | within 4 deviations |"
    yield "|---|---|---|---|---|"
    for at in curve:
        yield (
            f"| {at.seconds:.0f} | {at.processor_seconds:.0f} | {at.step} | {at.modes} | "
            f"{100 * at.share:.1f} % |"
        )
    yield ""
    short = [n for n, at in enumerate(curve) if at.modes < 25 or at.share < REQUIRED_SHARE]
    lasting = curve[short[-1] + 1 :] if short else curve
    requirement = (
        f"All 25 modes and {100 * REQUIRED_SHARE:.0f} % of the points from then on, within "
        f"{WITHIN_SECONDS} s of processor time"
    )
    if not lasting or lasting[0].processor_seconds > WITHIN_SECONDS:
        yield f"{requirement}: **not reached**."
    else:
        processor, clock = lasting[0].processor_seconds, lasting[0].seconds
        yield f"{requirement}: after {processor:.0f} s, {clock:.0f} s by the clock."


def loss_lines(ends: dict[str, list[Snapshot]]) -> Iterator[str]:
    """Yields the table of generator losses, with one number per seed."""
    yield "| generator loss | modes of 8, by seed | within 4 deviations | processor seconds |"
    yield "|---|---|---|---|"
    for loss, several in ends.items():
        modes = ", ".join(str(end.modes) for end in several)
        shares = ", ".join(f"{100 * end.share:.0f} %" for end in several)
        seconds = statistics.median(end.processor_seconds for end in several)
        yield f"| {loss} | {modes} | {shares} | {seconds:.0f} |"


def report(curve: Sequence[Snapshot], ends: dict[str, list[Snapshot]], threads: int) -> list[str]:
    """Returns the lines of the page of results."""
    return [
        "# Toy distributions\n",
        f"`python -m benchmarks.toy_gans`; {threads} of {os.cpu_count()} CPU cores, which others "
        f"used too, torch {torch.__version__}; {NUM_POINTS:,} generated points per row.\n",
        "## 25 Gaussians, WGAN with gradient penalty\n",
        *curve_lines(curve),
        "\n## 8 Gaussians, GAN\n",
        *loss_lines(ends),
    ]


def plot(curve: Sequence[Snapshot], ends: dict[str, list[Snapshot]]) -> None:
    """Plots the curve of the 25 Gaussians, its last points, and those of the first seed's GANs."""
    figure, (left, *others) = plt.subplots(1, 4, figsize=(15, 4))
    seconds = [at.seconds for at in curve]
    left.plot(seconds, [at.modes / 25 for at in curve], label="modes covered, of 25")
    left.plot(seconds, [at.share for at in curve], label="share within 4 deviations")
    left.set(xlabel="seconds", ylim=(0, 1.02))
    left.legend()
    data = Gaussians25(num_points=1)
    _scatter(others[0], curve[-1].points, data.modes, "WGAN-GP, 25 Gaussians")
    for axes, (loss, several) in zip(others[1:], ends.items(), strict=True):
        _scatter(axes, several[0].points, None, f"GAN, {loss.replace('_', '-')}")
    figure.tight_layout()
    figure.savefig(IMAGE, dpi=80)


def _scatter(axes: Axes, points: Tensor, modes: Tensor | None, title: str) -> None:
    axes.scatter(*points[:3000].T, s=1, color="tab:blue")
    if modes is not None:
        axes.scatter(*modes.T, s=40, marker="+", color="tab:red")
    axes.set(aspect="equal", title=title)


def main() -> None:
    """Trains, prints the tables and writes them and the image."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    curve = trained(GRID, every_seconds=EVERY_SECONDS)
    ends = {
        loss: [
            trained(CIRCLE, "--model.generator_loss", loss, "--seed_everything", str(seed))[-1]
            for seed in range(arguments.seeds)
        ]
        for loss in LOSSES
    }
    lines = report(curve, ends, arguments.threads)
    print("\n".join(lines))
    RESULTS.write_text("\n".join(lines) + "\n")
    plot(curve, ends)


if __name__ == "__main__":
    main()
