"""Fashion-MNIST: 60,000 training and 10,000 test images of clothes, 28 x 28.

Source: Xiao, Rasul and Vollgraf 2017, arXiv 1708.07747.
"""

from pathlib import Path
from typing import final

from torchvision import datasets

from datamodules.idx import AbstractIdxImages

__all__ = ["FashionMNIST"]

_DEBIAN_PACKAGE = Path("/usr/share/datasets/fashion-mnist")  # of dataset-fashion-mnist


@final
class FashionMNIST(AbstractIdxImages):
    """Reads <data_dir>/FashionMNIST/raw or Debian's package dataset-fashion-mnist."""

    @property
    def folders(self) -> list[Path]:
        return [self.data_dir / "FashionMNIST" / "raw", _DEBIAN_PACKAGE]

    def fetch(self, folder: str) -> None:
        datasets.FashionMNIST(folder, download=True)
