"""Seventeen points for the normal distribution in the plane lie on rings, in two ways that are
equally good.

    python -m examples.rings

Descends from many starts, one at a time, and sorts what is found by the number of points on each
ring. Writes docs/images/rings.png; takes seconds.

Source: the figure with K = 17 in G. Turinici 2022, arXiv 2202.03008, shows 2 inner, 7 middle and 8
outer points; 3, 7 and 7 are a little closer to the distribution and are found less often.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import final

import matplotlib

matplotlib.use("Agg")
import torch
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from torch import Tensor

from hawc import StandardNormal, compress
from hawc.compression import Deterministic
from hawc.distances import squared_distance_to
from hawc.kernels import HuberEnergy

SIZE, RINGS = 17, 3
TARGET = StandardNormal(2)
IMAGE = Path(__file__).parent.parent / "docs" / "images" / "rings.png"


@final
@dataclass
class Optimum:
    """What a number of starts ended in."""

    rings: list[Tensor]  # points from the inner to the outer ring
    squared_distance: float
    starts: int = 1

    @property
    def name(self) -> str:
        """The number of points on each ring."""
        return " / ".join(str(len(ring)) for ring in self.rings)


def optimum_from(seed: int) -> Optimum:
    """Returns what one descent ends in, cut into rings at the two widest gaps between radii."""
    generator = torch.Generator().manual_seed(seed)
    points = compress(TARGET, SIZE, solver=Deterministic(restarts=1), generator=generator).points
    points = points[points.norm(dim=1).argsort()]
    gaps = points.norm(dim=1).diff()
    ends = (gaps.topk(RINGS - 1).indices.sort().values + 1).tolist()
    distance = float(squared_distance_to(HuberEnergy(), points.double(), TARGET))
    return Optimum(list(points.tensor_split(ends)), distance)


def optima(num_starts: int) -> list[Optimum]:
    """Returns what is found, best first, each kind once."""
    kinds: dict[str, Optimum] = {}
    for seed in range(num_starts):
        found = optimum_from(seed)
        kind = kinds.setdefault(found.name, found)
        if kind is not found:
            kind.starts += 1
    return sorted(kinds.values(), key=lambda kind: kind.squared_distance)


def draw(axes: Axes, optimum: Optimum, num_starts: int) -> None:
    """Shows the points in one colour a ring, over circles of the rings' mean radii."""
    for number, ring in enumerate(optimum.rings):
        color = plt.cm.viridis(number / RINGS)
        radius = float(ring.norm(dim=1).mean())
        axes.add_patch(plt.Circle((0, 0), radius, fill=False, color=color, alpha=0.3))
        axes.scatter(*ring.T, s=45, color=color, zorder=2)
    axes.set(xlim=(-2.6, 2.6), ylim=(-2.6, 2.6), aspect="equal")
    axes.set_title(
        f"{optimum.name} points\n$d^2$ = {optimum.squared_distance:.6f}, "
        f"{optimum.starts} of {num_starts} starts",
        fontsize=11,
    )


def main(num_starts: int = 40) -> None:
    """Prints and draws the two kinds that are found most often."""
    found = optima(num_starts)
    for optimum in found:
        print(
            f"{optimum.name}: squared distance {optimum.squared_distance:.6f}, "
            f"{optimum.starts} of {num_starts} starts"
        )
    shown = sorted(found, key=lambda kind: -kind.starts)[:2]
    figure, every = plt.subplots(1, len(shown), figsize=(4 * len(shown), 4.4), squeeze=False)
    for axes, optimum in zip(every[0], shown, strict=True):
        draw(axes, optimum, num_starts)
    figure.tight_layout()
    figure.savefig(IMAGE, dpi=100)


if __name__ == "__main__":
    main()
