"""A loader of batches from tensors in memory, with a position that can be saved."""

import math
from collections.abc import Iterator
from typing import final

import torch
from torch import Tensor

from datamodules.seeding import derived_seed

__all__ = ["BatchLoader"]


@final
class BatchLoader:
    """Yields batches (images, labels); uint8 images become float32 in [0, 1].

    A batch is one indexed read, which is faster than a read per example
    (benchmarks/data_loading.py). The order of an epoch depends on (seed, epoch) alone. Lightning
    stores `state_dict` in its checkpoints and calls `sampler.set_epoch`. A run that is resumed
    within an epoch therefore continues with exactly the remaining batches.

    Args:
        images: (n, ...) uint8 images, or float32 rows, which do not change.
        labels: (n,) or (n, ...) of any type.
        batch_size: images per batch in this process, at least 1.
        shuffle: whether each epoch has a new order. An incomplete last batch is then left out, so
            that all training steps have the same size.
        seed: of the order.
        rank: number of this process; each process gets a different share of the data.
        world_size: number of processes, at least 1.
    """

    def __init__(
        self,
        images: Tensor,
        labels: Tensor,
        batch_size: int,
        *,
        shuffle: bool = False,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self._images, self._labels = images, labels
        self._batch_size = batch_size
        self._shuffle = shuffle
        self._seed = seed
        self._rank, self._world_size = rank, world_size
        self._next_epoch, self._first = 0, 0  # where the next __iter__ starts
        self._epoch, self._position = 0, 0  # the last batch delivered

    batch_sampler = None  # Lightning reads this from every loader that has a sampler

    @property
    def sampler(self) -> "BatchLoader":
        """Returns this loader: Lightning calls `sampler.set_epoch`."""
        return self

    def set_epoch(self, epoch: int) -> None:
        """Starts the next iteration with `epoch`, or continues it if it was interrupted."""
        if epoch != self._next_epoch:
            self._next_epoch, self._first = epoch, 0

    def __len__(self) -> int:
        """Returns the number of batches of an epoch in this process."""
        n = len(self._images)
        if self._shuffle:
            return n // self._world_size // self._batch_size
        # processes may differ by one batch: they do not wait for each other in evaluation
        return math.ceil(len(range(self._rank, n, self._world_size)) / self._batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        self._epoch, first = self._next_epoch, self._first
        self._next_epoch, self._first = self._epoch + 1, 0
        order = self._order(self._epoch)
        for number in range(first, len(self)):
            self._position = number + 1
            index = order[number * self._batch_size : (number + 1) * self._batch_size]
            yield self._floats(index), self._labels[index]

    def state_dict(self) -> dict[str, int]:
        """Returns the number of the last epoch and of its delivered batches."""
        return {"epoch": self._epoch, "position": self._position}

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        """Continues the next iteration at the position of `state_dict`."""
        finished = state_dict["position"] >= len(self)
        self._epoch, self._position = state_dict["epoch"], state_dict["position"]
        self._next_epoch = self._epoch + 1 if finished else self._epoch
        self._first = 0 if finished else self._position

    def _floats(self, index: Tensor) -> Tensor:
        images = self._images.index_select(0, index)  # copies whole rows, faster than [index]
        return images.float().div_(255) if images.dtype == torch.uint8 else images

    def _order(self, epoch: int) -> Tensor:
        n = len(self._images)
        if not self._shuffle:
            return torch.arange(self._rank, n, self._world_size)
        generator = torch.Generator().manual_seed(derived_seed(self._seed, epoch))
        return torch.randperm(n, generator=generator)[self._rank :: self._world_size]
