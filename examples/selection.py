"""Twenty-five of 60,000 images that stand for all of them, MNIST and Fashion-MNIST.

    python -m examples.selection

The distribution is that of the images, each a point with 784 coordinates. The best 25 points are
blurs, so the images nearest to them are taken, and one after the other is exchanged for whichever
of the 60,000 brings the 25 closest to the distribution. Writes docs/images/selection.png; takes
minutes. HAWC_DATA names the folder of the data.

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
from hawc import Empirical, compress

SIZE, RANDOM_SETS = 25, 100
IMAGE = Path(__file__).parent.parent / "docs" / "images" / "selection.png"


def mean_distances(points: Tensor, rows: Tensor) -> Tensor:
    """Returns the mean distance of each point to all images, some at a time."""
    return torch.cat([torch.cdist(some, rows).double().mean(1) for some in points.split(500)])


def squared_distance(points: Tensor, to_all: Tensor, between_all: float) -> float:
    """Returns d^2 between points and all images, given their mean distances."""
    return float(to_all.mean() - 0.5 * torch.cdist(points, points).mean()) - 0.5 * between_all


def nearest(points: Tensor, rows: Tensor) -> Tensor:
    """Returns for each point the nearest image that no point before it has taken."""
    taken: list[int] = []
    for distance in torch.cdist(points, rows):
        distance[taken] = torch.inf
        taken.append(int(distance.argmin()))
    return torch.tensor(taken)


def exchanged(chosen: Tensor, rows: Tensor, to_all: Tensor) -> Tensor:
    """Returns the choice after all single exchanges that bring it closer to the distribution."""
    chosen, size, helped = chosen.clone(), len(chosen), True
    distances = torch.cdist(rows[chosen], rows).double()
    while helped:
        helped = False
        for place in range(size):
            # what d^2 becomes, but for a constant, with each image in this place
            cost = to_all / size - (distances.sum(0) - distances[place]) / size**2
            present = cost[chosen[place]].item()
            cost[chosen] = torch.inf
            if cost.min() < present - 1e-6:  # less may be rounding
                chosen[place] = cost.argmin()
                distances[place] = torch.cdist(rows[chosen[place], None], rows)[0]
                helped = True
    return chosen


def selections(rows: Tensor, size: int = SIZE) -> dict[str, tuple[Tensor, float]]:
    """Returns images, by the way in which they were found, with their d^2."""
    generator = torch.Generator().manual_seed(0)
    points = compress(Empirical(rows), size, generator=generator).points
    to_all = mean_distances(rows, rows)
    between_all = float(to_all.mean())
    drawn = [torch.randperm(len(rows), generator=generator)[:size] for _ in range(RANDOM_SETS)]
    close = nearest(points, rows)
    kinds = {"at random": rows[drawn[0]], "best points": points, "nearest": rows[close]}
    kinds["chosen"] = rows[exchanged(close, rows, to_all)]
    found = {}
    for name, some in kinds.items():
        found[name] = some, squared_distance(some, mean_distances(some, rows), between_all)
        print(f"  {name}: {found[name][1]:.4f}")
    random = torch.tensor([squared_distance(rows[i], to_all[i], between_all) for i in drawn])
    print(f"  {RANDOM_SETS} times at random: mean {random.mean():.4f}, least {random.min():.4f}")
    return found


def draw(axes: Axes, name: str, images: Tensor, distance: float) -> None:
    """Shows images in rows of five."""
    grid = make_grid(images.reshape(-1, 1, 28, 28), nrow=5, padding=1, pad_value=0.4)
    axes.imshow(grid[0].numpy(), cmap="gray", vmin=0, vmax=1)
    axes.set_title(f"{name}, $d^2$ = {distance:.3f}", fontsize=11)
    axes.axis("off")


def main() -> None:
    """Prints and draws a row of panels for each data set."""
    figure, every = plt.subplots(2, 3, figsize=(9, 6.6))
    for axes_row, data in zip(every, (MNIST(), FashionMNIST()), strict=True):
        name = type(data).__name__
        try:
            images, _ = data.read(train=True)
        except DataError as error:
            reason = str(error).removesuffix("; call prepare_data() first.")
            sys.exit(f"examples.selection: {reason}; let HAWC_DATA name a folder that has it.")
        print(f"{name}, squared distance of {SIZE} images to all:")
        found = selections(images.flatten(1) / 255)
        for axes, kind in zip(axes_row, ("at random", "best points", "chosen"), strict=True):
            draw(axes, kind, *found[kind])
    figure.tight_layout()
    figure.savefig(IMAGE, dpi=110)
    with Image.open(IMAGE) as image:  # a third of the size, and no difference to be seen
        image.convert("L").quantize(32).save(IMAGE, optimize=True)


if __name__ == "__main__":
    main()
