"""Random real images for comparison with generated ones."""

import torch
from torch import Tensor

from datamodules import MNIST
from datamodules.in_memory import AbstractInMemoryImages

__all__ = ["random_digits", "random_images"]


def random_digits(n: int, *, train: bool, data_dir: str | None = None) -> Tensor:
    """Returns n images of MNIST (n, 1, 28, 28) in [0, 1], the same in each call.

    Args:
        n: at most the size of the set.
        train: whether they are training rather than test digits.
        data_dir: folder with MNIST/raw; that of HAWC_DATA if None.
    """
    return random_images(MNIST(data_dir=data_dir), n, train=train)


def random_images(data: AbstractInMemoryImages, n: int, *, train: bool) -> Tensor:
    """Returns n images (n, c, h, w) in [0, 1], the same in each call.

    Args:
        data: the data set; downloaded if it is missing.
        n: at most the size of the set.
        train: whether they are training rather than test images.
    """
    data.prepare_data()
    images = data.read(train=train)[0]
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
    return images[order[:n]].float() / 255
