"""Seventeen points for N(0, I) in the plane: two local optima on three rings.

    python -m examples.rings

Runs descents from many starts and sorts their ends by the number of points on each ring. Writes
docs/images/rings.png; takes seconds.

Source: the figure with K = 17 in G. Turinici 2022, arXiv 2202.03008, shows 2 inner, 7 middle and 8
outer points. Those with 3, 7 and 7 are a little closer to the target and less frequent.
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
    """A local optimum and the number of starts that end in it."""

    rings: list[Tensor]  # points from the inner to the outer ring
    squared_distance: float
    starts: int = 1

    @property
    def name(self) -> str:
        """The number of points on each ring."""
        return " / ".join(str(len(ring)) for ring in self.rings)


def optimum_from(seed: int) -> Optimum:
    """Returns the end of one descent, split at the two widest gaps of the radii."""
    generator = torch.Generator().manual_seed(seed)
    points = compress(TARGET, SIZE, solver=Deterministic(restarts=1), generator=generator).points
    points = points[points.norm(dim=1).argsort()]
    gaps = points.norm(dim=1).diff()
    ends = (gaps.topk(RINGS - 1).indices.sort().values + 1).tolist()
    distance = float(squared_distance_to(HuberEnergy(), points.double(), TARGET))
    return Optimum(list(points.tensor_split(ends)), distance)


def optima(num_starts: int) -> list[Optimum]:
    """Returns the different optima of many starts, best first."""
    by_name: dict[str, Optimum] = {}
    for seed in range(num_starts):
        optimum = optimum_from(seed)
        first = by_name.setdefault(optimum.name, optimum)
        if first is not optimum:
            first.starts += 1
    return sorted(by_name.values(), key=lambda optimum: optimum.squared_distance)


def plot(axes: Axes, optimum: Optimum, num_starts: int) -> None:
    """Plots the points, one colour per ring, over circles of the mean radii."""
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
    """Prints all optima; plots the two most frequent ones."""
    all_optima = optima(num_starts)
    for optimum in all_optima:
        print(
            f"{optimum.name}: squared distance {optimum.squared_distance:.6f}, "
            f"{optimum.starts} of {num_starts} starts"
        )
    shown = sorted(all_optima, key=lambda optimum: -optimum.starts)[:2]
    figure, every = plt.subplots(1, len(shown), figsize=(4 * len(shown), 4.4), squeeze=False)
    for axes, optimum in zip(every[0], shown, strict=True):
        plot(axes, optimum, num_starts)
    figure.tight_layout()
    figure.savefig(IMAGE, dpi=100)


if __name__ == "__main__":
    main()
