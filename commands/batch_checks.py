"""Checks the first batch of a loader against the model, before a run writes anything."""

from typing import Any

import torch
from lightning import LightningDataModule, LightningModule, Trainer
from lightning.pytorch.utilities.model_helpers import is_overridden
from lightning.pytorch.utilities.seed import isolate_rng

from commands.errors import UsageError
from commands.first_batch import first_batches
from lightning_modules import TrainingError

__all__ = ["PURPOSES", "check_first_batch"]

PURPOSES = {"train": "for training", "val": "for validation", "test": "for testing"}
"""Of batches, by the names of their loaders."""


def check_first_batch(
    name: str,
    loader: Any,
    count: int | None,
    trainer: Trainer,
    model: LightningModule,
    datamodule: LightningDataModule,
) -> None:
    """Raises UsageError unless there is a first batch and it is as the model requires.

    Args:
        name: "train", "val" or "test".
        loader: what the data module returns for it.
        count: its number of batches, None if it is unknown.
        trainer: of the run.
        model: as configured; one without `batch_contract`, which is not ours, takes any batches.
        datamodule: of the run, set up.
    """
    contract = getattr(model, "batch_contract", None)
    source = f"{type(datamodule).__name__}.{name}_dataloader"
    first = [] if count == 0 else None
    if count != 0 and contract is not None:
        first = first_batches(loader, name, (datamodule, trainer, model))
    if first == []:
        none_is_meant = "; return [] there for no validation" if name == "val" else ""
        raise UsageError(
            f"`data` must serve at least one batch {PURPOSES[name]}, got none from {source}; give "
            f"it more examples, lower `batch_size` or set `drop_last` to False{none_is_meant}."
        )
    dtype = trainer.precision_plugin.convert_input(torch.empty(0)).dtype
    for batch in first or ():  # None if it cannot be known; the first step looks at it
        for delivered in _transferred(batch, trainer, model, datamodule):
            try:
                contract.check(delivered, source, dtype)
            except TrainingError as error:
                raise UsageError(str(error)) from error


def _transferred(
    batch: Any, trainer: Trainer, model: LightningModule, datamodule: LightningDataModule
) -> list[Any]:
    """Returns a batch after the hooks that come before the model's step, on the CPU.

    The list is empty if that cannot be known: a hook of the data module or the model moves batches
    to their device, or fails here, where there is no device yet.
    """
    owners: tuple[Any, ...] = (datamodule, model)
    if any(is_overridden("transfer_batch_to_device", owner) for owner in owners):
        return []
    batch = trainer.precision_plugin.convert_input(batch)
    with isolate_rng(include_cuda=False):
        for hook in ("on_before_batch_transfer", "on_after_batch_transfer"):
            owner = next((owner for owner in owners if is_overridden(hook, owner)), None)
            try:
                batch = batch if owner is None else getattr(owner, hook)(batch, 0)
            except Exception:  # it fails again, with its traceback, or works on the device
                return []
    return [batch]
