"""Small files in the IDX format."""

import gzip
from pathlib import Path

import numpy as np


def idx_bytes(values: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, values.ndim]) + b"".join(n.to_bytes(4, "big") for n in values.shape)
    return header + values.astype(np.uint8).tobytes()


def write_pairs(folder: Path, n: int = 30, compressed: bool = False, side: int = 28) -> None:
    """Writes training and test files of n images and labels."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, stem in enumerate(("train", "t10k")):
        images = np.random.default_rng(number).integers(0, 256, (n, side, side))
        labels = np.arange(n) % 10
        for kind, values in (("images-idx3", images), ("labels-idx1", labels)):
            content = idx_bytes(values)
            name = f"{stem}-{kind}-ubyte" + (".gz" if compressed else "")
            (folder / name).write_bytes(gzip.compress(content) if compressed else content)
