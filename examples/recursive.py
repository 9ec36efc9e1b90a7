"""Ten points for N(0, I) in the plane, chosen one by one with memory.

    python -m examples.recursive

Each point is chosen with regard to all earlier ones. After each point the set is compared with as
many points chosen together and with independent ones. Writes docs/images/recursive.png; takes
seconds.

Source: the figure of the recursive compression in G. Turinici 2022, arXiv 2202.03008.
"""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import torch
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from torch import Tensor

from hawc import HistoryAwareSampler, StandardNormal, compress
from hawc.compression import Deterministic
from hawc.distances import squared_distance_to
from hawc.kernels import HuberEnergy

TARGET, KERNEL = StandardNormal(2), HuberEnergy()
IMAGE = Path(__file__).parent.parent / "docs" / "images" / "recursive.png"


def distance(points: Tensor) -> float:
    """Returns the squared distance to the target."""
    return float(squared_distance_to(KERNEL, points.double(), TARGET))


def one_by_one(number: int) -> Tensor:
    """Returns points chosen one by one, in their order."""
    generator = torch.Generator().manual_seed(0)
    sampler = HistoryAwareSampler(TARGET, solver=Deterministic())  # free points: no decoder here
    return torch.cat([sampler.sample(1, generator=generator) for _ in range(number)])


def together(size: int) -> Tensor:
    """Returns points chosen together."""
    return compress(TARGET, size, generator=torch.Generator().manual_seed(0)).points


def draw_points(axes: Axes, points: Tensor) -> None:
    """Plots numbered points over circles that hold 25, 50 and 90 % of the target."""
    for share in (0.25, 0.5, 0.9):
        radius = (-2 * torch.log1p(torch.tensor(-share))).sqrt().item()
        axes.add_patch(plt.Circle((0, 0), radius, fill=False, color="0.85"))
    axes.scatter(*points.T, s=190, c=range(len(points)), cmap="viridis", vmax=1.4 * len(points))
    for number, (x, y) in enumerate(points.tolist(), start=1):
        axes.text(x, y, str(number), ha="center", va="center", color="white", fontsize=9)
    axes.set(xlim=(-2.5, 2.5), ylim=(-2.5, 2.5), aspect="equal")
    axes.set_title("in the order of their choice", fontsize=11)


def draw_distances(axes: Axes, curves: dict[str, list[float]]) -> None:
    """Plots squared distances over the number of points."""
    for (name, values), style in zip(curves.items(), ("^:", "o-", "s--"), strict=True):
        axes.semilogy(range(1, len(values) + 1), values, style, markersize=4, label=name)
    axes.set(xlabel="points", xticks=range(1, len(values) + 1))
    axes.grid(alpha=0.3)
    axes.set_title("squared distance to N(0, I)", fontsize=11)
    axes.legend(fontsize=9)


def main(number: int = 10) -> None:
    """Prints distances; writes the figure of points and distances."""
    points = one_by_one(number)
    sizes = range(1, number + 1)
    curves = {
        "independent, expected": [TARGET.self_energy(KERNEL) / n for n in sizes],
        "one by one": [distance(points[:n]) for n in sizes],
        "chosen together": [distance(together(n)) for n in sizes],
    }
    for n, values in zip(sizes, zip(*curves.values(), strict=True), strict=True):
        named = zip(curves, values, strict=True)
        print(f"{n:3} points: " + ", ".join(f"{name} {value:.4f}" for name, value in named))
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4.4))
    draw_points(left, points)
    draw_distances(right, curves)
    figure.tight_layout()
    figure.savefig(IMAGE, dpi=100)


if __name__ == "__main__":
    main()
