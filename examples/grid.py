"""Support points of a mixture of sixteen normal distributions on a grid.

    python -m examples.grid

The components have unit variance and centres 5 (i, j), i, j = 0..3. Of 48 points each component
gets three; 3 points are close to all components. Writes docs/images/grid.png; takes half a minute.

Source: the figure of this mixture in G. Turinici 2022, arXiv 2202.03008.
"""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import torch
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from torch import Tensor

from hawc import compress
from hawc.compression import AbstractSolver
from hawc.distances import squared_distance_to
from hawc.kernels import HuberEnergy
from hawc.targets import GaussianMixture

AXIS = 5.0 * torch.arange(4.0)
CENTERS = torch.cartesian_prod(AXIS, AXIS)
TARGET = GaussianMixture(None, CENTERS, 1.0)
IMAGE = Path(__file__).parent.parent / "docs" / "images" / "grid.png"


def chosen(size: int, solver: AbstractSolver | None = None) -> Tensor:
    """Returns the points of one compression."""
    generator = torch.Generator().manual_seed(0)
    return compress(TARGET, size, solver=solver, generator=generator).points


def numbers_by_component(points: Tensor) -> list[int]:
    """Returns the number of points nearest to each centre."""
    nearest = torch.cdist(points, CENTERS).argmin(1)
    return nearest.bincount(minlength=len(CENTERS)).tolist()


def plot(axes: Axes, points: Tensor) -> None:
    """Plots points and centres over the density of the mixture; prints the distance."""
    ticks = torch.linspace(-3.5, 18.5, 221)
    pixels = torch.cartesian_prod(ticks, ticks)
    density = torch.exp(-0.5 * torch.cdist(pixels, CENTERS).square()).sum(1).reshape(221, 221)
    axes.contourf(ticks, ticks, density.T, levels=8, cmap="Greys", alpha=0.5)
    axes.scatter(*CENTERS.T, s=40, marker="+", color="tab:red", label="centres of the components")
    axes.scatter(*points.T, s=26, color="tab:blue", label="points")
    distance = float(squared_distance_to(HuberEnergy(), points.double(), TARGET))
    independent = TARGET.self_energy(HuberEnergy()) / len(points)
    print(f"{len(points)} points, by component: {numbers_by_component(points)}")
    print(f"  squared distance {distance:.5f}; {independent:.5f} expected of i.i.d. samples")
    axes.set(aspect="equal", xticks=AXIS, yticks=AXIS)
    axes.set_title(
        f"{len(points)} points\n$d^2$ = {distance:.5f} (independent: {independent:.4f})",
        fontsize=11,
    )


def main(sizes: tuple[int, ...] = (48, 3), solver: AbstractSolver | None = None) -> None:
    """Prints and plots the results for each number of points."""
    figure, every = plt.subplots(1, len(sizes), figsize=(4.4 * len(sizes), 5.2), squeeze=False)
    for axes, size in zip(every[0], sizes, strict=True):
        plot(axes, chosen(size, solver))
    figure.legend(*every[0, 0].get_legend_handles_labels(), loc="lower center", ncol=2)
    figure.tight_layout(rect=(0, 0.05, 1, 1))
    figure.savefig(IMAGE, dpi=100)


if __name__ == "__main__":
    main()
