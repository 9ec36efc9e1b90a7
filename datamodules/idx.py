"""Data sets in the IDX file format, such as MNIST and Fashion-MNIST."""

import gzip
import math
import zlib
from abc import ABC, abstractmethod
from pathlib import Path
from typing import IO

import numpy as np
import torch
from torch import Tensor

from datamodules.download import download_whole
from datamodules.errors import DataError
from datamodules.in_memory import AbstractInMemoryImages
from hawc.io.files import open_regular

__all__ = ["AbstractIdxImages", "read_idx"]

_UINT8 = 8  # the format's code for unsigned bytes
_MOST_DIMENSIONS = 3  # of images; labels have one
_MOST_BYTES = 500_000_000  # 637,000 images
_PART = 2**20  # bytes that are unpacked at a time


class AbstractIdxImages(AbstractInMemoryImages, ABC):
    """Reads 28 x 28 grey images of four IDX files, plain or gzipped."""

    @property
    @abstractmethod
    def folders(self) -> list[Path]:
        """Folders that may hold the files; the first one with all of them is taken."""

    @abstractmethod
    def fetch(self, folder: str) -> None:
        """Downloads the files below `folder` in the layout of `folders`."""

    @property
    def image_shape(self) -> tuple[int, int, int]:
        return (1, 28, 28)

    def prepare_data(self) -> None:
        if not (self._files("train") and self._files("t10k")):
            download_whole(type(self).__name__, self.data_dir, self.fetch)

    def read(self, train: bool) -> tuple[Tensor, Tensor]:
        files = self._files("train" if train else "t10k")
        if files is None:
            raise DataError(
                f"no {type(self).__name__} files in {[str(folder) for folder in self.folders]}; "
                "call prepare_data() first."
            )
        images, labels = read_idx(files[0]), read_idx(files[1])
        if images.shape[1:] != self.image_shape[1:] or labels.shape != images.shape[:1]:
            raise DataError(
                f"'{files[0]}' and '{files[1]}' must hold 28 x 28 images and one label each, got "
                f"shapes {tuple(images.shape)} and {tuple(labels.shape)}; fetch them again."
            )
        return images.unsqueeze(1), labels.long()

    def _files(self, stem: str) -> tuple[Path, Path] | None:
        for folder in self.folders:
            for suffix in ("", ".gz"):
                images = folder / f"{stem}-images-idx3-ubyte{suffix}"
                labels = folder / f"{stem}-labels-idx1-ubyte{suffix}"
                if images.is_file() and labels.is_file():
                    return images, labels
        return None


def read_idx(path: Path) -> Tensor:
    """Returns the uint8 array of an IDX file, plain or gzipped, with one to three dimensions.

    Raises:
        DataError: if the file cannot be read, is not a whole IDX file of bytes, or claims more than
            500 MB.
    """
    try:
        with open_regular(path) as file:
            if path.suffix == ".gz":
                with gzip.open(file) as unpacked:
                    values = _values(unpacked)
            else:
                values = _values(file)
    except OSError as error:
        reason = error.strerror or str(error)
        raise DataError(f"'{path}' cannot be read ({reason}); fetch it again.") from error
    except (EOFError, zlib.error) as error:
        raise DataError(f"'{path}' cannot be read ({error}); fetch it again.") from error
    if values is None:
        raise DataError(f"'{path}' is not a whole IDX file of bytes; fetch it again.")
    return torch.from_numpy(values)


def _values(file: IO[bytes]) -> np.ndarray | None:
    """Returns the array that the header announces, None if the file is shorter or longer."""
    # two zero bytes, the type, the number of dimensions, then their sizes as big-endian uint32
    start = file.read(4)
    if len(start) < 4 or start[2] != _UINT8 or not 1 <= start[3] <= _MOST_DIMENSIONS:
        return None
    sizes = file.read(4 * start[3])
    if len(sizes) < 4 * start[3]:
        return None
    shape = np.frombuffer(sizes, ">u4").tolist()
    count = math.prod(shape)
    if count > _MOST_BYTES:
        raise OSError(f"at most {_MOST_BYTES:,} bytes are read, got a header of {count:,}")
    values = np.empty(count, np.uint8)  # takes no memory before it is filled
    filled = 0
    while filled < count and (part := file.read(min(_PART, count - filled))):
        values[filled : filled + len(part)] = np.frombuffer(part, np.uint8)
        filled += len(part)
    return None if filled < count or file.read(1) else values.reshape(shape)
