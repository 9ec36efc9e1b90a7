"""Six distances between distributions on two parallel lines, over the distance of the lines.

    python -m examples.parallel_lines

P_0 is uniform on {0} x [0, 1] and P_theta on {theta} x [0, 1]. Each is represented by 100 points at
the same heights. They share all points at theta = 0 and none elsewhere, like the lines. Writes
docs/images/parallel_lines.png; takes seconds.

Source: example 1 of Arjovsky, Chintala and Bottou 2017, "Wasserstein GAN", arXiv 1701.07875.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import final

import matplotlib

matplotlib.use("Agg")
import torch
from matplotlib import pyplot as plt
from torch import Tensor

from hawc.divergences import discrete

NUM_POINTS = 100
THETAS = (-1.0, -0.75, -0.5, -0.25, -0.1, 0.0, 0.1, 0.25, 0.5, 0.75, 1.0)
IMAGE = Path(__file__).parent.parent / "docs" / "images" / "parallel_lines.png"


@final
@dataclass(frozen=True)
class Distances:
    """Distances between P_0 and P_theta."""

    total_variation: float
    kl: float
    reverse_kl: float
    jensen_shannon: float
    wasserstein_1: float
    squared_energy_distance: float


def distributions(theta: float) -> tuple[Tensor, Tensor, Tensor]:
    """Returns the different points of both lines and the weights of either distribution."""
    heights = (torch.arange(NUM_POINTS, dtype=torch.float64) + 0.5) / NUM_POINTS
    lines = [torch.stack((torch.full_like(heights, at), heights), 1) for at in (0.0, theta)]
    support, places = torch.unique(torch.cat(lines), dim=0, return_inverse=True)
    p, q = (
        torch.bincount(part, minlength=len(support)).double() / NUM_POINTS
        for part in places.split(NUM_POINTS)
    )
    return support, p, q


def distances(theta: float) -> Distances:
    """Returns every distance at one theta."""
    support, p, q = distributions(theta)
    return Distances(
        total_variation=float(discrete.total_variation(p, q)),
        kl=float(discrete.kl(p, q)),
        reverse_kl=float(discrete.reverse_kl(p, q)),
        jensen_shannon=float(discrete.jensen_shannon(p, q)),
        wasserstein_1=discrete.wasserstein_1(support, p, q),
        squared_energy_distance=float(discrete.squared_energy_distance(support, p, q)),
    )


def plot(by_theta: dict[float, Distances]) -> None:
    """Plots each distance over theta, with marks at the upper edge where it is infinite."""
    names = [*asdict(next(iter(by_theta.values())))]
    figure, every = plt.subplots(2, 3, figsize=(10, 5.6), sharex=True)
    for axes, name in zip(every.ravel(), names, strict=True):
        values = torch.tensor([getattr(distance, name) for distance in by_theta.values()])
        finite = values.isfinite()
        top = 1.1 * float(values[finite].max()) or 1.1
        thetas = torch.tensor(list(by_theta))
        continuous = name in ("wasserstein_1", "squared_energy_distance")
        axes.plot(thetas[finite], values[finite], "o-" if continuous else "o", color="tab:blue")
        axes.plot(thetas[~finite], torch.full_like(thetas[~finite], top), "^", color="tab:red")
        axes.set(title=name.replace("_", " ") + ("" if finite.all() else ": infinite"))
        axes.set_ylim(-0.05 * top, 1.1 * top)
    for axes in every[1]:
        axes.set_xlabel("theta")
    figure.tight_layout()
    figure.savefig(IMAGE, dpi=80)


def main() -> None:
    """Prints the table and writes the figure."""
    by_theta = {theta: distances(theta) for theta in THETAS}
    print("| theta | TV | KL | reverse KL | JS | W1 | d² |")
    print("|---|---|---|---|---|---|---|")
    for theta, distance in by_theta.items():
        if theta >= 0:
            print(f"| {theta} | {' | '.join(f'{v:.4g}' for v in asdict(distance).values())} |")
    plot(by_theta)


if __name__ == "__main__":
    main()
