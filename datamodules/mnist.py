"""MNIST: 60,000 training and 10,000 test digits, 28 x 28.

Source: LeCun, Bottou, Bengio and Haffner 1998, Proc. IEEE 86:2278.
"""

from pathlib import Path
from typing import final

from torchvision import datasets

from datamodules.idx import AbstractIdxImages

__all__ = ["MNIST"]


@final
class MNIST(AbstractIdxImages):
    """Reads <data_dir>/MNIST/raw, the layout of torchvision."""

    @property
    def folders(self) -> list[Path]:
        return [self.data_dir / "MNIST" / "raw"]

    def fetch(self, folder: str) -> None:
        datasets.MNIST(folder, download=True)
