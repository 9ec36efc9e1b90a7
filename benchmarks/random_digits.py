"""Random real digits for comparison with generated ones."""

import torch
from torch import Tensor

from datamodules import MNIST

__all__ = ["random_digits"]


def random_digits(n: int, *, train: bool, data_dir: str | None = None) -> Tensor:
    """Returns n images of MNIST (n, 1, 28, 28) in [0, 1], the same in each call.

    Args:
        n: at most the size of the set.
        train: whether they are training rather than test digits.
        data_dir: folder with MNIST/raw; that of HAWC_DATA if None.
    """
    data = MNIST(data_dir=data_dir)
    data.prepare_data()
    images = data.read(train=train)[0]
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
    return images[order[:n]].float() / 255
