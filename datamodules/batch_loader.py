"""Batches gathered from tensors in memory, by a loader that knows where it is."""

import math
from collections.abc import Iterator
from typing import final

import numpy as np
import torch
from torch import Tensor

__all__ = ["BatchLoader"]


@final
class BatchLoader:
    """Yields (images, labels) batches; from uint8 images it makes float32 in [0, 1] on the way.

    One indexed read a batch instead of one decoded example after the other is what makes small data
    sets fast (benchmarks/data_loading.py). The order of an epoch depends on (seed, epoch) alone.
    Lightning stores `state_dict` in its checkpoints and calls `sampler.set_epoch`, so a run that is
    resumed within an epoch goes on with the very batches that the interrupted one had left.

    Args:
        images: (n, ...) uint8 images, or float32 rows, which are served as they are.
        labels: (n,) or (n, ...) of any type.
        batch_size: images a batch in this process, at least 1.
        shuffle: whether each epoch has an order of its own; also leaves out an incomplete last
            batch, so that all steps of a training are alike.
        seed: of the order.
        rank: this process among `world_size` ones, each of which gets its own share of the data.
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
        self._next_epoch, self._first = 0, 0  # what the next __iter__ starts with
        self._epoch, self._position = 0, 0  # what was delivered last

    batch_sampler = None  # Lightning asks every loader that has a sampler for this too

    @property
    def sampler(self) -> "BatchLoader":
        """Where Lightning looks for `set_epoch`."""
        return self

    def set_epoch(self, epoch: int) -> None:
        """Makes the next iteration that of `epoch`, from its start unless it was interrupted."""
        if epoch != self._next_epoch:
            self._next_epoch, self._first = epoch, 0

    def __len__(self) -> int:
        """Returns the number of batches of an epoch in this process."""
        n = len(self._images)
        if self._shuffle:
            return n // self._world_size // self._batch_size
        # processes may differ by a batch: evaluation does not wait for each other batch by batch
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
        """Returns the epoch last iterated over and how many of its batches were delivered."""
        return {"epoch": self._epoch, "position": self._position}

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        """Makes the next iteration go on where the `state_dict` was taken."""
        finished = state_dict["position"] >= len(self)
        self._epoch, self._position = state_dict["epoch"], state_dict["position"]
        self._next_epoch = self._epoch + 1 if finished else self._epoch
        self._first = 0 if finished else self._position

    def _floats(self, index: Tensor) -> Tensor:
        images = self._images.index_select(0, index)  # whole rows, [index] goes byte by byte
        return images.float().div_(255) if images.dtype == torch.uint8 else images

    def _order(self, epoch: int) -> Tensor:
        n = len(self._images)
        if not self._shuffle:
            return torch.arange(self._rank, n, self._world_size)
        seed = np.random.SeedSequence((self._seed, epoch)).generate_state(1, np.uint64)
        generator = torch.Generator().manual_seed(int(seed[0]))
        return torch.randperm(n, generator=generator)[self._rank :: self._world_size]
