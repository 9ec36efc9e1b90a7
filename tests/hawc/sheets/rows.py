"""Rows of a gallery, and images, for the tests of contact sheets."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from hawc.history.row import Row


def row_of(id: int = 0, **fields: Any) -> Row:
    absent = {"latent": None, "features": None, "seed": None, "generator_name": None}
    texts = {"gallery": "default", "condition": "", "tags": ()}
    created = datetime(2026, 11, 2, 8, 30, tzinfo=UTC)
    return Row(**{"id": id, **absent, **texts, "metadata": {}, "created": created, **fields})


def save_image(path: Path, size: tuple[int, int] = (20, 10), color: str = "red") -> Path:
    Image.new("RGB", size, color).save(path)
    return path


def colors(image: Image.Image) -> set[tuple[int, ...]]:
    return {tuple(pixel) for pixel in np.asarray(image.convert("RGB")).reshape(-1, 3).tolist()}
