"""Callbacks of Lightning that do not go with a model, found before anything is written.

Lightning itself refuses most of them, once the training has begun.
"""

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import (
    BackboneFinetuning,
    BatchSizeFinder,
    Callback,
    DeviceStatsMonitor,
    GradientAccumulationScheduler,
    LearningRateFinder,
    LearningRateMonitor,
    SpikeDetection,
    StochasticWeightAveraging,
    ThroughputMonitor,
)
from torch import nn

from commands.errors import UsageError

__all__ = ["check_lightning_callbacks"]

# what they do is done for one optimizer that Lightning steps; and what to do instead
_OF_ONE_OPTIMIZER: dict[type[Callback], str] = {
    GradientAccumulationScheduler: "set a larger `data.batch_size`",
    BatchSizeFinder: "set `data.batch_size`",
    LearningRateFinder: "set the learning rate of each optimizer",
    StochasticWeightAveraging: "use GeneratorEMA",
    SpikeDetection: "use LossSwings",
}
_WITH_LOGGER = (LearningRateMonitor, DeviceStatsMonitor, ThroughputMonitor)
_RATES = ("lr", "learning_rate")


def check_lightning_callbacks(trainer: Trainer, model: LightningModule) -> None:
    """Raises UsageError for a callback of Lightning that cannot work with the model or trainer."""
    for callback in trainer.callbacks:
        if reason := _reason_against(callback, trainer, model):
            raise UsageError(
                f"`trainer.callbacks` must leave out {type(callback).__name__} for "
                f"{type(model).__name__}, {reason}."
            )


def _reason_against(callback: Callback, trainer: Trainer, model: LightningModule) -> str | None:
    """Returns why a callback cannot work and what to do instead, None if it can."""
    if not model.automatic_optimization:
        for kind, instead in _OF_ONE_OPTIMIZER.items():
            if isinstance(callback, kind):
                return f"which steps its optimizers itself; {instead} instead"
    if isinstance(callback, LearningRateFinder) and not _has_rate(model):
        return "which has no attribute lr or learning_rate; set `model.optimizer.lr` instead"
    has_backbone = isinstance(getattr(model, "backbone", None), nn.Module)
    if isinstance(callback, BackboneFinetuning) and not has_backbone:
        return "which has no network called backbone"
    if isinstance(callback, _WITH_LOGGER) and not trainer.loggers:
        return "since `trainer.logger` is off and there is nowhere to log to; name a logger"
    return None


def _has_rate(model: LightningModule) -> bool:
    return any(hasattr(model, name) or name in model.hparams for name in _RATES)
