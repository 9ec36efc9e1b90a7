"""A loader of batches of two domains whose position can be saved and restored."""

from collections.abc import Iterator
from typing import final

from torch import Tensor

from datamodules.batch_loader import BatchLoader

__all__ = ["DomainLoader"]


@final
class DomainLoader:
    """Yields batches (a, b), one of each domain, without labels.

    An epoch has the length of the smaller domain. It covers a part of the larger domain, a new one
    each time if that loader shuffles.

    Args:
        loader_a: of the first domain.
        loader_b: of the second domain.
    """

    def __init__(self, loader_a: BatchLoader, loader_b: BatchLoader) -> None:
        self._loaders = (loader_a, loader_b)

    batch_sampler = None  # Lightning reads this from every loader that has a sampler

    @property
    def sampler(self) -> "DomainLoader":
        """Returns this loader: Lightning calls `sampler.set_epoch`."""
        return self

    def set_epoch(self, epoch: int) -> None:
        """Starts the next iteration with `epoch`, or continues it if it was interrupted."""
        for loader in self._loaders:
            loader.set_epoch(epoch)

    def __len__(self) -> int:
        """Returns the number of batches of an epoch in this process."""
        return min(len(loader) for loader in self._loaders)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for _, (a, _), (b, _) in zip(range(len(self)), *self._loaders, strict=False):
            yield a, b

    def state_dict(self) -> dict[str, int]:
        """Returns the number of the last epoch and of its delivered batches."""
        return self._loaders[0].state_dict()  # equal for both

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        """Continues the next iteration at the position of `state_dict`."""
        finished = state_dict["position"] >= len(self)
        for loader in self._loaders:  # the epoch of the larger domain has ended too
            position = len(loader) if finished else state_dict["position"]
            loader.load_state_dict({"epoch": state_dict["epoch"], "position": position})
