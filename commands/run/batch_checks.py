"""Checks a loader's first batch before a run writes anything."""

import inspect
from collections.abc import Iterable
from typing import Any

import torch
from lightning import LightningDataModule, LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities.model_helpers import is_overridden

from commands.errors import UsageError
from commands.run.first_batch import first_batches, in_copy
from lightning_modules import TrainingError
from lightning_modules.interface import ChecksBatches, HasImageShape, provides

__all__ = ["PURPOSES", "check_first_batch", "check_loader_kind", "image_shape"]

PURPOSES = {"train": "for training", "val": "for validation", "test": "for testing"}
"""What batches are for, by the name of their loader."""

_STAGES = {"train": "training", "val": "validating", "test": "testing"}
_STEPS = {"val": "validation_step", "test": "test_step"}


def image_shape(data: LightningDataModule) -> Any:
    """Returns the data's `image_shape`, or None without one.

    Raises:
        ValueError: if it is a method.
    """
    if not provides(data, HasImageShape):
        return None
    shape: Any = data.image_shape
    if callable(shape):
        raise ValueError(
            f"`image_shape` must be a property or an attribute of `data`, got a method of "
            f"{type(data).__name__}; write @property above it."
        )
    return shape


def check_loader_kind(name: str, loader: Any, model: LightningModule, source: str) -> None:
    """Raises UsageError for no loader, or several if the model takes only one.

    Args:
        name: "train", "val" or "test".
        loader: what the data module returns for it.
        model: as configured.
        source: names the loader in messages.
    """
    is_several = isinstance(loader, (list, tuple))
    if not all(isinstance(part, Iterable) for part in (loader if is_several else [loader])):
        none_is_meant = ", or [] for no validation" if name == "val" else ""
        raise UsageError(
            f"`data` must serve batches {PURPOSES[name]} by a loader, got {loader!r} from "
            f"{source}; return a DataLoader{none_is_meant}."
        )
    count = len(loader) if isinstance(loader, (list, tuple, dict)) else 1
    if name in _STEPS and count > 1 and not _takes_number(getattr(model, _STEPS[name])):
        raise UsageError(
            f"`data` must serve batches {PURPOSES[name]} by one loader, since {_STEPS[name]} of "
            f"{type(model).__name__} has no `dataloader_idx`, got {count} loaders from "
            f"{source}; return one, of a ConcatDataset of them."
        )


def check_first_batch(
    stage: str,
    name: str,
    loader: Any,
    trainer: Trainer,
    model: LightningModule,
    datamodule: LightningDataModule,
) -> None:
    """Raises UsageError unless there is a first batch and the model accepts it.

    Args:
        stage: "fit", "validate" or "test".
        name: "train", "val" or "test".
        loader: what the data module returns for it, [] if it has no batches.
        trainer: of the run.
        model: as configured. A model without `batch_contract` takes any batches.
        datamodule: of the run, set up.
    """
    source = f"{type(datamodule).__name__}.{name}_dataloader"

    def refusal() -> str | None:
        _enter(stage, name, trainer, model)
        return _refusal(name, loader, source, trainer, model, datamodule)

    if isinstance(loader, (list, tuple)) and not loader:
        raise UsageError(_no_batch(name, source))
    if provides(model, ChecksBatches) and (message := in_copy(refusal)):
        raise UsageError(message)


def _enter(stage: str, name: str, trainer: Trainer, model: LightningModule) -> None:
    """Puts trainer and model into the state in which hooks get a batch."""
    trainer.state.fn = TrainerFn(stage)
    setattr(trainer, _STAGES[name], True)
    trainer.strategy.connect(model)
    model.trainer = trainer
    model.train(name == "train")


def _refusal(
    name: str,
    loader: Any,
    source: str,
    trainer: Trainer,
    model: LightningModule,
    datamodule: LightningDataModule,
) -> str | None:
    """Returns what is wrong with the first batch, or None, also if it is not read."""
    first = first_batches(loader, name)
    if first == []:
        return _no_batch(name, source)
    assert provides(model, ChecksBatches)  # checked by the caller
    dtype = trainer.precision_plugin.convert_input(torch.empty(0)).dtype
    for number, batch in enumerate(first or ()):  # if not read, the first step checks it
        for delivered in _transferred(batch, number, trainer, model, datamodule):
            try:
                model.batch_contract.check(delivered, source, dtype)
            except TrainingError as error:
                return str(error)
    return None


def _no_batch(name: str, source: str) -> str:
    none_is_meant = "; return [] there for no validation" if name == "val" else ""
    return (
        f"`data` must serve at least one batch {PURPOSES[name]}, got none from {source}; give it "
        f"more examples, lower `batch_size` or set `drop_last` to False{none_is_meant}."
    )


def _transferred(
    batch: Any,
    number: int,
    trainer: Trainer,
    model: LightningModule,
    datamodule: LightningDataModule,
) -> list[Any]:
    """Returns a batch on the CPU after the hooks that precede the model's step.

    The list is empty if a hook of the data module or the model moves batches to their device, or
    fails here, where there is no device yet.
    """
    owners: tuple[Any, ...] = (datamodule, model)
    if any(is_overridden("transfer_batch_to_device", owner) for owner in owners):
        return []
    batch = trainer.precision_plugin.convert_input(batch)
    for hook in ("on_before_batch_transfer", "on_after_batch_transfer"):
        owner = next((owner for owner in owners if is_overridden(hook, owner)), None)
        try:
            batch = batch if owner is None else getattr(owner, hook)(batch, number)
        except Exception:  # the run will show its traceback, or the hook needs the device
            return []
    return [batch]


def _takes_number(step: Any) -> bool:
    parameters = inspect.signature(step).parameters.values()
    any_kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return any(p.name == "dataloader_idx" or p.kind in any_kinds for p in parameters)
