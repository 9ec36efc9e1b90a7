"""Files of samples; each is written whole or not at all."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor
from torchvision.transforms.functional import to_pil_image

from hawc.io.files import atomic_write

__all__ = ["write_samples"]

_COLORS = (1, 3)  # channels that a PNG without transparency can have


def write_samples(folder: Path, ids: Sequence[int], decoded: Tensor) -> list[dict[str, Any]]:
    """Writes images as <id>.png and returns the manifest entries of the samples.

    Other samples, such as rows of a table, are stored in their entries.

    Args:
        folder: an existing, writable folder.
        ids: positions in the gallery, in the order of `decoded`.
        decoded: images (n, c, h, w) in [0, 1] with one or three channels, or rows (n, ...).
    """
    if decoded.ndim != 4 or decoded.shape[1] not in _COLORS:
        rows = decoded.float().cpu().tolist()
        return [{"id": i, "values": row} for i, row in zip(ids, rows, strict=True)]
    images = decoded.float().mul(255).round().clamp(0, 255).byte().cpu()
    entries = []
    for i, image in zip(ids, images, strict=True):
        name = f"{i:08d}.png"
        with atomic_write(folder / name) as file:
            to_pil_image(image).save(file, "png")
        entries.append({"id": i, "file": name})
    return entries
