"""Twenty-five images that represent all 60,000 of MNIST and of Fashion-MNIST.

    python -m examples.selection

The target is the distribution of the images, each a point with 784 coordinates. The best 25 points
are blurred, and the images nearest to them are farther from the target. `hawc.select` chooses 25
images directly. Writes docs/images/selection.png; takes minutes, since all pairs of images are
compared. HAWC_DATA names the folder of the data.

Source: the figure "25 out of 60,000" in G. Turinici 2022, arXiv 2202.03008.
"""

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import torch
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from PIL import Image
from torch import Tensor
from torchvision.utils import make_grid

from datamodules import MNIST, DataError, FashionMNIST
from hawc import Empirical, compress, select

SIZE, RANDOM_SETS = 25, 100
IMAGE = Path(__file__).parent.parent / "docs" / "images" / "selection.png"


def mean_distances(points: Tensor, rows: Tensor) -> Tensor:
    """Returns the mean distance of each point to all images, in blocks of points."""
    return torch.cat([torch.cdist(block, rows).double().mean(1) for block in points.split(500)])


def squared_distance(points: Tensor, to_all: Tensor, between_all: float) -> float:
    """Returns d^2 between points and all images from their mean distances."""
    return float(to_all.mean() - 0.5 * torch.cdist(points, points).mean()) - 0.5 * between_all


def nearest(points: Tensor, rows: Tensor) -> Tensor:
    """Returns the nearest image of each point, each image at most once."""
    chosen: list[int] = []
    for distance in torch.cdist(points, rows):
        distance[chosen] = torch.inf
        chosen.append(int(distance.argmin()))
    return torch.tensor(chosen)


def selections(rows: Tensor, size: int = SIZE) -> dict[str, tuple[Tensor, float]]:
    """Returns images and their d^2 by the method of their choice."""
    generator = torch.Generator().manual_seed(0)
    points = compress(Empirical(rows), size, generator=generator).points
    to_all = mean_distances(rows, rows)
    between_all = float(to_all.mean())
    sets = [torch.randperm(len(rows), generator=generator)[:size] for _ in range(RANDOM_SETS)]
    methods = {"at random": rows[sets[0]], "best points": points}
    methods |= {"nearest": rows[nearest(points, rows)], "chosen": rows[select(rows, size)]}
    results = {}
    for name, images in methods.items():
        distance = squared_distance(images, mean_distances(images, rows), between_all)
        results[name] = images, distance
        print(f"  {name}: {distance:.4f}")
    random = torch.tensor([squared_distance(rows[i], to_all[i], between_all) for i in sets])
    print(f"  {RANDOM_SETS} times at random: mean {random.mean():.4f}, least {random.min():.4f}")
    return results


def plot(axes: Axes, name: str, images: Tensor, distance: float) -> None:
    """Plots images in rows of five."""
    grid = make_grid(images.reshape(-1, 1, 28, 28), nrow=5, padding=1, pad_value=0.4)
    axes.imshow(grid[0].numpy(), cmap="gray", vmin=0, vmax=1)
    axes.set_title(f"{name}, $d^2$ = {distance:.3f}", fontsize=11)
    axes.axis("off")


def main() -> None:
    """Prints distances and plots a row of panels for each data set."""
    figure, every = plt.subplots(2, 3, figsize=(9, 6.6))
    for axes_row, data in zip(every, (MNIST(), FashionMNIST()), strict=True):
        name = type(data).__name__
        try:
            images, _ = data.read(train=True)
        except DataError as error:
            reason = str(error).removesuffix("; call prepare_data() first.")
            sys.exit(f"examples.selection: {reason}; let HAWC_DATA name a folder that has it.")
        print(f"{name}, squared distance of {SIZE} images to all:")
        results = selections(images.flatten(1) / 255)
        for axes, method in zip(axes_row, ("at random", "best points", "chosen"), strict=True):
            plot(axes, method, *results[method])
    figure.tight_layout()
    figure.savefig(IMAGE, dpi=110)
    with Image.open(IMAGE) as image:  # a third of the size without a visible difference
        image.convert("L").quantize(32).save(IMAGE, optimize=True)


if __name__ == "__main__":
    main()
