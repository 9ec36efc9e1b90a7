"""Base of the data modules of two domains, paired or not."""

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor

from datamodules.batch_loader import BatchLoader
from datamodules.domain_loader import DomainLoader
from datamodules.in_memory import AbstractInMemory, Split, hold_out
from datamodules.seeding import derived_seed

__all__ = ["AbstractTwoDomains"]


class AbstractTwoDomains(AbstractInMemory, ABC):
    """Holds two sets of examples of one shape; its batches are (a, b) float32.

    Unpaired domains are shuffled independently. In a batch of paired domains example i of A belongs
    to example i of B. A training epoch has the length of the smaller domain, see
    ``DomainLoader``. Validation and test take as many examples of the larger domain as the smaller
    one has.

    Args:
        batch_size: examples of either domain per batch and process, at least 1.
        num_validation: training examples of either domain held out for validation; a tenth of them
            if None.

    Raises:
        ValueError: if `batch_size` < 1 or `num_validation` < 0.
    """

    num_domains: ClassVar[int] = 2
    """Number of domains in a batch; checked against the model."""

    @property
    @abstractmethod
    def is_paired(self) -> bool:
        """Whether examples of one index belong together; both domains then have one size."""

    @abstractmethod
    def read(self, train: bool) -> tuple[Tensor, Tensor]:
        """Returns the training or test sets of both domains: uint8 images or float32 rows."""

    def load(self, train: bool) -> dict[str, Split]:
        a, b = self.read(train)
        if not train:
            return {"test": (a, b)}
        # the split depends on the size alone, which keeps pairs together
        kept_a, held_out_a = hold_out(len(a), self.num_validation, "num_validation")
        kept_b, held_out_b = hold_out(len(b), self.num_validation, "num_validation")
        return {"train": (a[kept_a], b[kept_b]), "val": (a[held_out_a], b[held_out_b])}

    def make_loader(self, split: Split, shuffle: bool, seed: int, rank: int) -> DomainLoader:
        seeds = (seed, seed if self.is_paired else derived_seed(seed, 1))
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
