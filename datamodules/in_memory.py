"""The data module of every picture set small enough to live in memory."""

import os
from abc import ABC, abstractmethod
from pathlib import Path

import torch
from lightning import LightningDataModule
from torch import Tensor

from datamodules.batch_loader import BatchLoader
from datamodules.errors import DataError

__all__ = ["AbstractInMemoryImages"]

_SPLIT_SEED = 0  # which pictures are held out for validation never depends on the run's seed


class AbstractInMemoryImages(LightningDataModule, ABC):
    """Holds a labelled picture set as uint8 and serves it a batch at a time as float32 in [0, 1].

    Args:
        batch_size: pictures a batch and process, at least 1.
        data_dir: folder of the data; the environment variable HAWC_DATA, else "data", if None.
        num_validation: training pictures held out for validation; a tenth of them if None.

    Raises:
        ValueError: if `batch_size` < 1 or `num_validation` < 0.
    """

    def __init__(
        self,
        batch_size: int = 128,
        data_dir: str | None = None,
        num_validation: int | None = None,
    ) -> None:
        super().__init__()
        if batch_size < 1:
            raise ValueError(f"`batch_size` must be at least 1, got {batch_size}.")
        if num_validation is not None and num_validation < 0:
            raise ValueError(f"`num_validation` must be at least 0, got {num_validation}.")
        self.batch_size = batch_size
        self.data_dir = Path(data_dir or os.environ.get("HAWC_DATA") or "data").expanduser()
        self._num_validation = num_validation
        self._splits: dict[str, tuple[Tensor, Tensor]] = {}

    @property
    @abstractmethod
    def image_shape(self) -> tuple[int, int, int]:
        """(channels, height, width), known before any file is read."""

    @abstractmethod
    def prepare_data(self) -> None:
        """Downloads what is missing; raises DataError where that is impossible."""

    @abstractmethod
    def read(self, train: bool) -> tuple[Tensor, Tensor]:
        """Returns uint8 pictures (n, c, h, w) and int64 labels (n,) of the training or test set."""

    def setup(self, stage: str) -> None:
        """Reads the splits that the stage needs, once.

        Raises:
            DataError: if the training pictures do not fill one batch for each process, or there are
                fewer held-out or test pictures than processes.
        """
        if stage in ("fit", "validate") and "train" not in self._splits:
            self._splits |= self._split(*self.read(train=True))
        if stage == "test" and "test" not in self._splits:
            self._splits["test"] = self.read(train=False)
        if stage == "fit":
            self._check_batch_size()
        for split in {"fit": ["val"], "validate": ["val"], "test": ["test"]}[stage]:
            self._check_share(split)

    def train_dataloader(self) -> BatchLoader:
        seed = int(os.environ.get("PL_GLOBAL_SEED", "0"))
        overfits = self.trainer is not None and self.trainer.overfit_batches > 0
        return self._loader("train", shuffle=not overfits, seed=seed)

    def val_dataloader(self) -> BatchLoader | list[BatchLoader]:
        # Lightning skips validation for an empty list
        return self._loader("val") if len(self._splits["val"][0]) else []

    def test_dataloader(self) -> BatchLoader:
        return self._loader("test")

    def _split(self, images: Tensor, labels: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
        held_out = len(images) // 10 if self._num_validation is None else self._num_validation
        generator = torch.Generator().manual_seed(_SPLIT_SEED)
        order = torch.randperm(len(images), generator=generator)
        val, train = order[:held_out], order[held_out:].sort().values
        return {"train": (images[train], labels[train]), "val": (images[val], labels[val])}

    def _check_batch_size(self) -> None:
        available = len(self._splits["train"][0]) // self._world_size
        if self.batch_size > available:
            raise DataError(
                f"`batch_size` must be at most {available}, the number of training pictures of "
                f"{type(self).__name__} a process after those held out, got {self.batch_size}."
            )

    def _check_share(self, split: str) -> None:
        if 0 < len(self._splits[split][0]) < self._world_size:
            raise DataError(
                f"each of the {self._world_size} processes needs a {split} picture, got "
                f"{len(self._splits[split][0])} in all; use fewer processes or, for validation, "
                f"set `num_validation` to 0 or at least {self._world_size}."
            )

    def _loader(self, split: str, shuffle: bool = False, seed: int = 0) -> BatchLoader:
        rank = self.trainer.global_rank if self.trainer else 0
        return BatchLoader(
            *self._splits[split],
            self.batch_size,
            shuffle=shuffle,
            seed=seed,
            rank=rank,
            world_size=self._world_size,
        )

    @property
    def _world_size(self) -> int:
        return self.trainer.world_size if self.trainer else 1
