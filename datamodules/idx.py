"""Data sets in the IDX file format, such as MNIST and Fashion-MNIST."""

import gzip
from abc import ABC, abstractmethod
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from datamodules.download import download_whole
from datamodules.errors import DataError
from datamodules.in_memory import AbstractInMemoryImages

__all__ = ["AbstractIdxImages", "read_idx"]

_UINT8 = 8  # the format's code for unsigned bytes


class AbstractIdxImages(AbstractInMemoryImages, ABC):
    """28 x 28 grey images in four IDX files, plain or gzipped; downloaded if they are missing."""

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
    """Returns the uint8 array of an IDX file, plain or gzipped.

    Raises:
        DataError: if the file cannot be read or is not a whole IDX file of bytes.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            content = file.read()
    except (OSError, EOFError) as error:
        raise DataError(f"'{path}' cannot be read ({error}); fetch it again.") from error
    # two zero bytes, the type, the number of dimensions, then their sizes as big-endian uint32
    header = 4 + 4 * content[3] if len(content) > 3 else 4
    shape = np.frombuffer(content[4:header], ">u4") if len(content) >= header else np.zeros(1)
    if content[2:3] != bytes([_UINT8]) or len(content) != header + int(shape.prod()):
        raise DataError(f"'{path}' is not a whole IDX file of bytes; fetch it again.")
    values = np.frombuffer(content, np.uint8, offset=header).reshape(shape.astype(int))
    return torch.from_numpy(values.copy())
