"""Batches of two domains at once, by a loader that knows where it is."""

from collections.abc import Iterator
from typing import final

from torch import Tensor

from datamodules.batch_loader import BatchLoader

__all__ = ["DomainLoader"]


@final
class DomainLoader:
    """Yields (a, b) batches, one of either domain, and leaves labels out.

    An epoch is one of the smaller domain: none of its examples comes twice. Of the larger domain it
    shows a part, another one each time if that loader shuffles.

    Args:
        loader_a: of the first domain.
        loader_b: of the second domain.
    """

    def __init__(self, loader_a: BatchLoader, loader_b: BatchLoader) -> None:
        self._loaders = (loader_a, loader_b)

    batch_sampler = None  # Lightning asks every loader that has a sampler for this too

    @property
    def sampler(self) -> "DomainLoader":
        """Where Lightning looks for `set_epoch`."""
        return self

    def set_epoch(self, epoch: int) -> None:
        """Makes the next iteration that of `epoch`, from its start unless it was interrupted."""
        for loader in self._loaders:
            loader.set_epoch(epoch)

    def __len__(self) -> int:
        """Returns the number of batches of an epoch in this process."""
        return min(len(loader) for loader in self._loaders)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for _, (a, _), (b, _) in zip(range(len(self)), *self._loaders, strict=False):
            yield a, b

    def state_dict(self) -> dict[str, int]:
        """Returns the epoch last iterated over and how many of its batches were delivered."""
        return self._loaders[0].state_dict()  # the other one has delivered as many

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        """Makes the next iteration go on where the `state_dict` was taken."""
        finished = state_dict["position"] >= len(self)
        for loader in self._loaders:  # the larger domain has ended its epoch too
            position = len(loader) if finished else state_dict["position"]
            loader.load_state_dict({"epoch": state_dict["epoch"], "position": position})
