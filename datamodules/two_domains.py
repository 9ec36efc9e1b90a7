"""The data module of every pair of domains, paired example by example or not."""

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from torch import Tensor

from datamodules.batch_loader import BatchLoader
from datamodules.domain_loader import DomainLoader
from datamodules.in_memory import AbstractInMemory, Split, hold_out

__all__ = ["AbstractTwoDomains"]


class AbstractTwoDomains(AbstractInMemory, ABC):
    """Holds two sets of examples of one shape in memory; its batches are (a, b) float32.

    Unpaired, each domain is shuffled on its own; paired, example i of one belongs to example i of
    the other in every batch. An epoch is one of the smaller domain, see ``DomainLoader``;
    validation and test pass over as many examples of the larger domain as the smaller one has.

    Args:
        batch_size: examples of either domain a batch and process, at least 1.
        num_validation: training examples of either domain held out for validation; a tenth of them
            if None.

    Raises:
        ValueError: if `batch_size` < 1 or `num_validation` < 0.
    """

    num_domains: ClassVar[int] = 2
    """Of a batch (a, b), for models that take two."""

    @property
    @abstractmethod
    def is_paired(self) -> bool:
        """Whether the domains have as many examples, and those of one number belong together."""

    @abstractmethod
    def read(self, train: bool) -> tuple[Tensor, Tensor]:
        """Returns both domains' training or test set: uint8 images or float32 rows."""

    def load(self, train: bool) -> dict[str, Split]:
        a, b = self.read(train)
        if not train:
            return {"test": (a, b)}
        # domains of one size are split alike, which keeps pairs together
        kept_a, held_out_a = hold_out(len(a), self.num_validation, "num_validation")
        kept_b, held_out_b = hold_out(len(b), self.num_validation, "num_validation")
        return {"train": (a[kept_a], b[kept_b]), "val": (a[held_out_a], b[held_out_b])}

    def make_loader(self, split: Split, shuffle: bool, seed: int, rank: int) -> DomainLoader:
        seeds = (seed, seed if self.is_paired else _another(seed))
        smaller = min(len(domain) for domain in split)
        loader_a, loader_b = (
            BatchLoader(
                domain if shuffle else domain[:smaller],
                domain.new_empty(len(domain), 0),  # no labels
                self.batch_size,
                shuffle=shuffle,
                seed=domain_seed,
                rank=rank,
                world_size=self._world_size,
            )
            for domain, domain_seed in zip(split, seeds, strict=True)
        )
        return DomainLoader(loader_a, loader_b)


def _another(seed: int) -> int:
    """Returns a seed whose orders have nothing to do with those of `seed`."""
    return int(np.random.SeedSequence((seed, 1)).generate_state(1, np.uint64)[0])
