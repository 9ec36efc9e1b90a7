"""A black box from seeds to images that remembers its images.

    python -m examples.generators.seeds_only images.db

Without latents, `hawc.select` chooses among images of many seeds by their features. A row of the
history holds features and seed, so the image can be made again. Writes the sheet <store>.png.
"""

import argparse
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from hawc import DatabaseHistory, select
from hawc.samplers import Features

NUM_SEEDS = 100  # from which each batch is chosen
ROWS = Features(4 * 4 * 3, name="mean colors, 4 x 4")

BlackBox = Callable[[int], Image.Image]


def black_box(seed: int) -> Image.Image:
    """Returns an image of 32 x 32 pixels; put your own generator here."""
    colors = np.random.default_rng(seed).integers(0, 256, (3, 3, 3), np.uint8)
    return Image.fromarray(colors).resize((32, 32), Image.Resampling.BICUBIC)


def features_of(images: Iterable[Image.Image]) -> np.ndarray:
    """Returns the mean color of each of 4 x 4 fields; put your own features here."""
    small = [image.resize((4, 4), Image.Resampling.BOX) for image in images]
    return np.stack([np.asarray(image).flatten() / 255 for image in small])


def new_images(
    history: DatabaseHistory, generate: BlackBox, n: int, seeds: Sequence[int]
) -> list[Image.Image]:
    """Returns the images of those n seeds that best complement the history, and records them."""
    images = [generate(seed) for seed in seeds]
    features = features_of(images)
    with history.exclusive():  # other processes wait for the choice, not for the images
        chosen = select(features, n, history=history, min_distance="25%")
        history.add(
            features[chosen],
            seeds=[seeds[i] for i in chosen],
            metadata={"size": images[0].size},
            generator_name="black box 1",
        )
    return [images[i] for i in chosen]


def main(arguments: Sequence[str] | None = None) -> None:
    """Adds eight images and writes all of them, made again from their seeds, as one sheet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("store", type=Path)
    store = parser.parse_args(arguments).store
    history = DatabaseHistory(store, ROWS, create=True)
    seeds = np.random.default_rng().integers(2**31, size=NUM_SEEDS).tolist()
    new_images(history, black_box, 8, seeds)
    images = [row.decoded(black_box) for row in history]
    sheet = Image.new("RGB", (8 * 32, len(images) // 8 * 32))
    for number, image in enumerate(images):
        sheet.paste(image, (number % 8 * 32, number // 8 * 32))
    sheet.save(store.with_suffix(".png"))
    print(f"{len(images)} images in {store}, written as {store.with_suffix('.png')}")


if __name__ == "__main__":
    main()
