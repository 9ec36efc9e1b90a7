"""Modes that adversarial pairs find on toy distributions, over the time they train.

    python -m benchmarks.toy_gans [--threads 1] [--seeds 5]

Trains configs/wgan_gp_25_gaussians.yaml once, as a user does, and looks at 10,000 generated points
every few seconds: how many of the 25 modes are covered, and the share of points within four
standard deviations of one. A mode is covered if a tenth of the points due to it lie that near to
it. Then configs/gan_8_gaussians.yaml with either generator loss, from several seeds. Writes
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
from benchmarks.toy_watch import NUM_POINTS, Seen, ToyWatch
from datamodules import Gaussians25

ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results" / "toy_gans.md"
IMAGE = ROOT / "docs" / "images" / "toy_gans.png"
GRID, CIRCLE = "wgan_gp_25_gaussians", "gan_8_gaussians"
LOSSES = ("non_saturating", "minimax")
EVERY_SECONDS = 15.0
WITHIN_SECONDS, WANTED_SHARE = 300, 0.8


def trained(config: str, *options: str, every_seconds: float | None = None) -> list[Seen]:
    """Returns what was seen while a configuration was trained by train.py, the end last."""
    ToyWatch.seen = []
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.dict(os.environ, {"WANDB_MODE": "disabled"}),
    ):
        words = ["--config", str(ROOT / "configs" / f"{config}.yaml")]
        words += ["--run_folder", f"{folder}/run", "--trainer.accelerator", "cpu"]
        words += ["--trainer.callbacks+", "benchmarks.toy_watch.ToyWatch"]
        if every_seconds is not None:
            words += ["--trainer.callbacks.every_seconds", str(every_seconds)]
        train.main([*words, *options])
    return ToyWatch.seen


def curve_lines(seen: Sequence[Seen]) -> Iterator[str]:
    """Yields the table of one run and when what is wanted was reached, line by line."""
    yield "| seconds | processor seconds | generator steps | modes of 25 | within 4 deviations |"
    yield "|---|---|---|---|---|"
    for look in seen:
        yield (
            f"| {look.seconds:.0f} | {look.processor_seconds:.0f} | {look.step} | {look.modes} | "
            f"{100 * look.share:.1f} % |"
        )
    yield ""
    short = [n for n, look in enumerate(seen) if look.modes < 25 or look.share < WANTED_SHARE]
    lasting = seen[short[-1] + 1 :] if short else seen
    wanted = (
        f"All 25 modes and {100 * WANTED_SHARE:.0f} % of the points from then on, within "
        f"{WITHIN_SECONDS} s of processor time"
    )
    if not lasting or lasting[0].processor_seconds > WITHIN_SECONDS:
        yield f"{wanted}: **not reached**."
    else:
        processor, clock = lasting[0].processor_seconds, lasting[0].seconds
        yield f"{wanted}: after {processor:.0f} s, {clock:.0f} s by the clock."


def loss_lines(ends: dict[str, list[Seen]]) -> Iterator[str]:
    """Yields the table of generator losses, one line each, a number a seed."""
    yield "| generator loss | modes of 8, by seed | within 4 deviations | processor seconds |"
    yield "|---|---|---|---|"
    for loss, seen in ends.items():
        modes = ", ".join(str(end.modes) for end in seen)
        shares = ", ".join(f"{100 * end.share:.0f} %" for end in seen)
        seconds = statistics.median(end.processor_seconds for end in seen)
        yield f"| {loss} | {modes} | {shares} | {seconds:.0f} |"


def report(seen: Sequence[Seen], ends: dict[str, list[Seen]], threads: int) -> list[str]:
    """Returns the lines of the page of results."""
    return [
        "# Toy distributions\n",
        f"`python -m benchmarks.toy_gans`; {threads} of {os.cpu_count()} CPU cores, which others "
        f"used too, torch {torch.__version__}; {NUM_POINTS:,} generated points a look.\n",
        "## 25 Gaussians, WGAN with gradient penalty\n",
        *curve_lines(seen),
        "\n## 8 Gaussians, GAN\n",
        *loss_lines(ends),
    ]


def draw(seen: Sequence[Seen], ends: dict[str, list[Seen]]) -> None:
    """Shows the curve of the 25 Gaussians, its last points, and those of the first seed's pairs."""
    figure, (left, *others) = plt.subplots(1, 4, figsize=(15, 4))
    seconds = [look.seconds for look in seen]
    left.plot(seconds, [look.modes / 25 for look in seen], label="modes covered, of 25")
    left.plot(seconds, [look.share for look in seen], label="share within 4 deviations")
    left.set(xlabel="seconds", ylim=(0, 1.02))
    left.legend()
    data = Gaussians25(num_points=1)
    _scatter(others[0], seen[-1].points, data.modes, "WGAN-GP, 25 Gaussians")
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
    seen = trained(GRID, every_seconds=EVERY_SECONDS)
    ends = {
        loss: [
            trained(CIRCLE, "--model.generator_loss", loss, "--seed_everything", str(seed))[-1]
            for seed in range(arguments.seeds)
        ]
        for loss in LOSSES
    }
    lines = report(seen, ends, arguments.threads)
    print("\n".join(lines))
    RESULTS.write_text("\n".join(lines) + "\n")
    draw(seen, ends)


if __name__ == "__main__":
    main()
