"""Refuses Lightning's callbacks that cannot work with a model.

Lightning itself refuses most of them, but only after the training has begun.
"""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from lightning import LightningDataModule, LightningModule, Trainer
from lightning.pytorch.callbacks import (
    BackboneFinetuning,
    BatchSizeFinder,
    Callback,
    DeviceStatsMonitor,
    GradientAccumulationScheduler,
    LearningRateFinder,
    LearningRateMonitor,
    ModelCheckpoint,
    SpikeDetection,
    StochasticWeightAveraging,
    ThroughputMonitor,
)
from torch import nn

from commands.errors import UsageError

__all__ = ["check_lightning_callbacks", "interval_notice"]

# callbacks for a single optimizer that Lightning steps, with what to do instead
_OF_ONE_OPTIMIZER: dict[type[Callback], str] = {
    GradientAccumulationScheduler: "set a larger `data.batch_size`",
    BatchSizeFinder: "set `data.batch_size`",
    LearningRateFinder: "set the learning rate of each optimizer",
    StochasticWeightAveraging: "use GeneratorEMA",
    SpikeDetection: "use LossSwings",
}
_WITH_LOGGER = (LearningRateMonitor, DeviceStatsMonitor, ThroughputMonitor)
_RATES = ("lr", "learning_rate")


def check_lightning_callbacks(
    trainer: Trainer, model: LightningModule, datamodule: LightningDataModule
) -> None:
    """Raises UsageError for a callback of Lightning that cannot work in this run."""
    for callback in trainer.callbacks:
        if reason := _reason_against(callback, trainer, model, datamodule):
            raise UsageError(
                f"`trainer.callbacks` must leave out {type(callback).__name__} for "
                f"{type(model).__name__}, {reason}."
            )


def interval_notice(trainer: Trainer, model: LightningModule) -> str | None:
    """Returns a line on `every_n_train_steps` if a batch may make several steps."""
    if model.automatic_optimization:
        return None
    for callback in trainer.checkpoint_callbacks:
        # private: docs/private-names.md
        if isinstance(callback, ModelCheckpoint) and (n := callback._every_n_train_steps) > 1:
            return (
                f"`every_n_train_steps` {n} counts the steps of all optimizers: a checkpoint is "
                f"saved only where a batch ends at a multiple of {n}"
            )
    return None


def _reason_against(
    callback: Callback, trainer: Trainer, model: LightningModule, datamodule: LightningDataModule
) -> str | None:
    """Returns why a callback cannot work and what to do instead, or None."""
    if not model.automatic_optimization:
        for kind, instead in _OF_ONE_OPTIMIZER.items():
            if isinstance(callback, kind):
                return f"which steps its optimizers itself; {instead} instead"
    sizes = (model, model.hparams, datamodule, datamodule.hparams)
    if isinstance(callback, BatchSizeFinder) and not _has(sizes, "batch_size"):
        data = type(datamodule).__name__
        return f"since neither it nor {data} has an attribute batch_size; set the size yourself"
    if isinstance(callback, LearningRateFinder) and not _has((model, model.hparams), *_RATES):
        return "which has no attribute lr or learning_rate; set `model.optimizer.lr` instead"
    has_backbone = isinstance(getattr(model, "backbone", None), nn.Module)
    if isinstance(callback, BackboneFinetuning) and not has_backbone:
        return "which has no network called backbone"
    is_on_cpu = trainer.strategy.root_device.type == "cpu"
    if isinstance(callback, DeviceStatsMonitor) and is_on_cpu and find_spec("psutil") is None:
        return "since psutil is not installed; install it with pip"
    if isinstance(callback, _WITH_LOGGER) and not trainer.loggers:
        return "since `trainer.logger` is off; name a logger"
    return None


def _has(holders: Sequence[Any], *names: str) -> bool:
    """Returns whether an object has one of the attributes, or a mapping of the keys."""
    return any(
        name in holder if isinstance(holder, Mapping) else hasattr(holder, name)
        for holder in holders
        for name in names
    )
