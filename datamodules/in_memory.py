"""The base classes of data modules that hold their examples, or images, in memory."""

import os
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar

import torch
from lightning import LightningDataModule
from torch import Tensor

from datamodules.batch_loader import BatchLoader
from datamodules.domain_loader import DomainLoader
from datamodules.errors import DataError

__all__ = ["AbstractInMemory", "AbstractInMemoryImages", "data_folder", "hold_out"]

_SPLIT_SEED = 0  # splits do not depend on the seed of the run
_WHITE_FROM = 128  # 128 / 255 is the smallest value of at least 0.5

Split = tuple[Tensor, Tensor]
"""Examples and their labels; or those of two domains."""

Loader = BatchLoader | DomainLoader


class AbstractInMemory(LightningDataModule, ABC):
    """Holds labelled examples in memory and serves batches of them as float32.

    Args:
        batch_size: examples per batch and process, at least 1.
        num_validation: training examples held out for validation; a tenth of them if None.

    Raises:
        ValueError: if `batch_size` < 1 or `num_validation` < 0.
    """

    example: ClassVar[str]
    """The word for one example in messages."""

    def __init__(self, batch_size: int, num_validation: int | None) -> None:
        super().__init__()
        if batch_size < 1:
            raise ValueError(f"`batch_size` must be at least 1, got {batch_size}.")
        if num_validation is not None and num_validation < 0:
            raise ValueError(f"`num_validation` must be at least 0, got {num_validation}.")
        self.batch_size = batch_size
        self.num_validation = num_validation
        self._splits: dict[str, Split] = {}

    @property
    @abstractmethod
    def image_shape(self) -> tuple[int, ...]:
        """(channels, height, width) or (features,), known before any example is read."""

    @abstractmethod
    def load(self, train: bool) -> dict[str, Split]:
        """Returns the splits "train" and "val", or "test"."""

    def setup(self, stage: str) -> None:
        """Loads the splits that the stage needs, once.

        Raises:
            DataError: if the training examples do not fill one batch for each process, or there are
                fewer held-out or test examples than processes.
        """
        if stage in ("fit", "validate") and "train" not in self._splits:
            self._splits |= self.load(train=True)
        if stage == "test" and "test" not in self._splits:
            self._splits |= self.load(train=False)
        if stage == "fit":
            self._check_batch_size()
        for split in {"fit": ["val"], "validate": ["val"], "test": ["test"]}[stage]:
            self._check_share(split)

    def train_dataloader(self) -> Loader:
        seed = int(os.environ.get("PL_GLOBAL_SEED", "0"))
        overfits = self.trainer is not None and self.trainer.overfit_batches > 0
        return self._loader("train", shuffle=not overfits, seed=seed)

    def val_dataloader(self) -> Loader | list[Any]:
        # Lightning skips validation for an empty list
        return self._loader("val") if self._count("val") else []

    def test_dataloader(self) -> Loader:
        return self._loader("test")

    def train_examples(self, n: int) -> Tensor:
        """Returns n training examples as float32, or all if fewer; needs `setup`.

        They are a random choice, since a data set may be sorted. The choice does not depend on the
        seed of the run or the batch size. Of two domains they are examples of the first.
        """
        examples, _ = self._splits["train"]
        order = torch.randperm(len(examples), generator=torch.Generator().manual_seed(_SPLIT_SEED))
        chosen = examples[order[:n]]
        loader = BatchLoader(chosen, chosen.new_empty(len(chosen), 0), len(chosen))
        return next(iter(loader))[0]

    def _check_batch_size(self) -> None:
        available = self._count("train") // self._world_size
        if self.batch_size > available:
            raise DataError(
                f"`batch_size` must be at most {available}, the number of training {self.example}s "
                f"of {type(self).__name__} per process without those held out, got "
                f"{self.batch_size}."
            )

    def _check_share(self, split: str) -> None:
        count = self._count(split)
        has_no_validation = count == 0 and split == "val"
        if count < self._world_size and not has_no_validation:
            remedy = (
                f"set `num_validation` to 0 or at least {self._world_size}"
                if split == "val"
                else f"have more test {self.example}s"
            )
            raise DataError(
                f"each of the {self._world_size} processes needs a {split} {self.example}, got "
                f"{count} in all; use fewer processes or {remedy}."
            )

    def make_loader(self, split: Split, shuffle: bool, seed: int, rank: int) -> Loader:
        """Returns the loader of a split for the process `rank`."""
        return BatchLoader(
            *split,
            self.batch_size,
            shuffle=shuffle,
            seed=seed,
            rank=rank,
            world_size=self._world_size,
        )

    def _loader(self, split: str, shuffle: bool = False, seed: int = 0) -> Loader:
        rank = self.trainer.global_rank if self.trainer else 0
        return self.make_loader(self._splits[split], shuffle, seed, rank)

    def _count(self, split: str) -> int:
        return min(len(part) for part in self._splits[split])

    @property
    def _world_size(self) -> int:
        return self.trainer.world_size if self.trainer else 1


class AbstractInMemoryImages(AbstractInMemory, ABC):
    """Holds labelled images as uint8 and serves batches of float32 in [0, 1].

    Args:
        batch_size: images per batch and process, at least 1.
        data_dir: folder of the data; the environment variable HAWC_DATA, else "data", if None.
        num_validation: training images held out for validation; a tenth of them if None.
        binarize: whether values of at least 0.5 become 1 and all others 0.

    Raises:
        ValueError: if `batch_size` < 1 or `num_validation` < 0.
    """

    example = "image"

    def __init__(
        self,
        batch_size: int = 128,
        data_dir: str | None = None,
        num_validation: int | None = None,
        binarize: bool = False,
    ) -> None:
        super().__init__(batch_size, num_validation)
        self.data_dir = data_folder(data_dir)
        self._binarize = binarize

    @property
    @abstractmethod
    def image_shape(self) -> tuple[int, int, int]:
        """(channels, height, width), known before any file is read."""

    @abstractmethod
    def prepare_data(self) -> None:
        """Downloads missing files; raises DataError if that fails."""

    @abstractmethod
    def read(self, train: bool) -> tuple[Tensor, Tensor]:
        """Returns uint8 images (n, c, h, w) and int64 labels (n,) of one set."""

    def load(self, train: bool) -> dict[str, Split]:
        images, labels = self.read(train)
        if self._binarize:
            images = (images >= _WHITE_FROM).to(torch.uint8) * 255
        if not train:
            return {"test": (images, labels)}
        kept, held_out = hold_out(len(images), self.num_validation, "num_validation")
        return {
            "train": (images[kept], labels[kept]),
            "val": (images[held_out], labels[held_out]),
        }


def data_folder(data_dir: str | None) -> Path:
    """Returns the folder of the data: the argument, else HAWC_DATA, else "data"."""
    return Path(data_dir or os.environ.get("HAWC_DATA") or "data").expanduser()


def hold_out(n: int, num_held_out: int | None, argument: str) -> tuple[Tensor, Tensor]:
    """Returns random indices of n examples: to keep, sorted, and to hold out.

    Args:
        n: number of examples.
        num_held_out: at least 0; a tenth of `n` if None.
        argument: name of `num_held_out` in messages.

    Raises:
        DataError: if no example is left to keep.
    """
    count = n // 10 if num_held_out is None else num_held_out
    if count >= n:
        raise DataError(f"`{argument}` must be less than the {n} examples there are, got {count}.")
    order = torch.randperm(n, generator=torch.Generator().manual_seed(_SPLIT_SEED))
    return order[count:].sort().values, order[:count]
