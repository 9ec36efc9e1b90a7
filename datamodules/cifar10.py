"""CIFAR-10: 50,000 training and 10,000 test colour images in ten classes, 32 x 32.

Source: Krizhevsky 2009, "Learning multiple layers of features from tiny images".
"""

from typing import final

import torch
from torch import Tensor
from torchvision import datasets

from datamodules.download import download_whole
from datamodules.errors import DataError
from datamodules.in_memory import AbstractInMemoryImages
from hawc.io.files import open_regular

__all__ = ["CIFAR10"]

_FOLDER = datasets.CIFAR10.base_folder
_LARGEST = 32_000_000  # bytes; the authors' files have 31 million


@final
class CIFAR10(AbstractInMemoryImages):
    """Reads and checks <data_dir>/cifar-10-batches-py, the layout of torchvision."""

    @property
    def image_shape(self) -> tuple[int, int, int]:
        return (3, 32, 32)

    def prepare_data(self) -> None:
        if not (self.data_dir / _FOLDER / "test_batch").is_file():
            download_whole(
                "CIFAR-10", self.data_dir, lambda folder: datasets.CIFAR10(folder, download=True)
            )

    def read(self, train: bool) -> tuple[Tensor, Tensor]:
        try:
            self._check_sizes()
            # its files are pickles; torchvision loads them if their MD5 is that of the authors'
            data = datasets.CIFAR10(self.data_dir, train=train)
        except (RuntimeError, OSError) as error:
            raise DataError(
                f"'{self.data_dir / _FOLDER}' is incomplete or corrupted; remove it so that it is "
                "downloaded again, or name another folder with --data.data_dir."
            ) from error
        images = torch.from_numpy(data.data).permute(0, 3, 1, 2).contiguous()
        return images, torch.tensor(data.targets)

    def _check_sizes(self) -> None:
        """Raises OSError for a file whose MD5 would take long or never end."""
        files = (*datasets.CIFAR10.train_list, *datasets.CIFAR10.test_list)
        for name in (*(name for name, _ in files), datasets.CIFAR10.meta["filename"]):
            open_regular(self.data_dir / _FOLDER / name, _LARGEST).close()
