"""Tables and contact sheets of pretrained.py, from the results of all generators.

python -m benchmarks.pretrained_page
"""

import json
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageDraw
from torch import Tensor

__all__ = ["IMAGES", "RESULTS", "contact_sheet", "write_page"]

RESULTS = Path(__file__).parent / "results" / "pretrained"
PAGE = RESULTS.with_suffix(".md")
IMAGES = Path(__file__).parent.parent / "docs" / "images"
COLUMNS, SIDE, LINE = 10, 64, 14  # images per row; pixels of an image and of a line of text
INTRODUCTION = """# Pretrained generators

`python -m benchmarks.pretrained terrain style`. Twenty images with one history, sampled 1, 4 or 20
at a time. The tables hold means and standard deviations between sets of twenty. Distances are those
between features of EfficientNet-Lite0, which has no part in the choice; FeatureSampler chooses by
MobileNetV2.

- Repeats (p %): the number of images whose distance to an earlier one is smaller than the p %
  quantile of the distances from a reference image to the nearest other one. The reference is a set
  of other, i.i.d. images.
- Mean nearest: mean distance to the nearest of the other nineteen. Closest pair: the smallest one.
- d² to reference: squared energy distance between the twenty and the reference.
- Nearest reference: mean distance to the nearest reference image.
- Shortest, longest: lengths of the latents, over the median length of the prior's samples, in the
  metric of its covariance.
- Decoder calls: latents decoded to choose and to show twenty images. FeatureSampler also decoded
  once the images of `data`, that is 100 i.i.d. ones.
- Seconds: of choosing twenty, without decoder and networks, on one shared core.

FeatureSampler has its default `min_distance`. "Distance" has the 85 % quantile of the distances
from an image of `data` to the nearest other one, in the features of MobileNetV2. i.i.d. images are
all candidates of FeatureSampler, in sets of twenty: ten sets per seed.
"""


def cell(values: list[float]) -> str:
    """Returns mean and standard deviation in three and one digits."""
    spread = statistics.stdev(values) if len(values) > 1 else 0.0
    mean = statistics.fmean(values)
    return f"{mean:.3g}" if spread == 0 else f"{mean:.3g} ± {spread:.1g}"


def lines(result: dict[str, Any]) -> Iterator[str]:
    """Yields the section of a generator."""
    yield f"\n## {result['name']}\n\n{result['description']}\n"
    names = list(result["rows"][0]["values"])
    yield f"| latents | at a time | {' | '.join(names)} |"
    yield "|" + "---|" * (len(names) + 2)
    for row in result["rows"]:
        cells = " | ".join(cell(row["values"][name]) for name in names)
        yield f"| {row['method']} | {row['at a time']} | {cells} |"


def write_page(results: Path = RESULTS, page: Path = PAGE) -> None:
    """Writes the tables of all generators with results."""
    contents = [json.loads(path.read_text()) for path in sorted(results.glob("*.json"))]
    tables = [line for content in contents for line in lines(content)]
    page.write_text(INTRODUCTION + "\n".join(tables) + "\n")


def contact_sheet(sets: dict[str, Tensor], path: Path) -> None:
    """Writes a PNG file with the images (n, c, h, w) of each name below it."""
    blocks = [(name, -(-len(images) // COLUMNS)) for name, images in sets.items()]
    height = sum(LINE + rows * SIDE for _, rows in blocks)
    sheet = Image.new("RGB", (COLUMNS * SIDE, height), "white")
    draw, top = ImageDraw.Draw(sheet), 0
    for name, rows in blocks:
        draw.text((2, top + 1), name, fill="black")
        small = torch.nn.functional.interpolate(
            sets[name], (SIDE, SIDE), mode="bilinear", antialias=True
        )
        pixels = (255 * small.clamp(0, 1)).round().byte().expand(-1, 3, -1, -1)
        for place, image in enumerate(pixels.permute(0, 2, 3, 1).numpy()):
            row, column = divmod(place, COLUMNS)
            sheet.paste(Image.fromarray(image), (column * SIDE, top + LINE + row * SIDE))
        top += LINE + rows * SIDE
    sheet.quantize(256).save(path, optimize=True)


if __name__ == "__main__":
    write_page()
