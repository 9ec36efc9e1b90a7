"""Checks and bookkeeping of constructor arguments that all models share."""

from collections.abc import Sequence
from typing import Any

from lightning import LightningModule
from lightning.pytorch.cli import LRSchedulerCallable
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from lightning_modules.interface import ImageShape

__all__ = [
    "check_at_least_one",
    "check_sizes",
    "forget_callables",
    "keep_configured_settings",
    "make_scheduler",
]


def check_at_least_one(name: str, value: int) -> None:
    """Raises ValueError unless the argument called `name` counts something."""
    if value < 1:
        raise ValueError(f"`{name}` must be at least 1, got {value}.")


def check_sizes(image_shape: ImageShape, latent_dim: int) -> None:
    """Raises ValueError unless there is at least one latent and all sides of a picture exist."""
    check_at_least_one("latent_dim", latent_dim)
    if not image_shape or min(image_shape) < 1:
        raise ValueError(f"`image_shape` must be positive integers, got {image_shape}.")


def forget_callables(module: LightningModule) -> None:
    """Drops factories from the saved hyperparameters of a module built in Python.

    The command line records a factory as its class path and arguments, which a checkpoint can hold.
    A factory object itself could not be loaded back without running code from the file.
    """
    for name in [name for name, value in module.hparams.items() if callable(value)]:
        del module.hparams[name]


def make_scheduler(factory: LRSchedulerCallable, optimizer: Optimizer) -> LRScheduler:
    """Returns the scheduler of an optimizer, which must not need a metric.

    Raises:
        ValueError: if it is ReduceLROnPlateau.
    """
    scheduler = factory(optimizer)
    if isinstance(scheduler, ReduceLROnPlateau):
        raise ValueError(
            "a scheduler must depend on the number of its steps alone, got ReduceLROnPlateau, "
            "which waits for a metric; choose another, e.g. torch.optim.lr_scheduler.MultiStepLR."
        )
    return scheduler


def keep_configured_settings(
    checkpoint: dict[str, Any], optimizers: Sequence[Optimizer], scheduled: bool = False
) -> None:
    """Puts the configured learning rates and the like into a checkpoint that is being resumed.

    The moments come from the checkpoint, the settings from the configuration: a learning rate given
    on the command line would be ignored otherwise, without a word.

    Args:
        checkpoint: changed in place.
        optimizers: as configured.
        scheduled: whether schedulers change the learning rates, which go on from the checkpoint
            then.
    """
    kept = ("params", "lr") if scheduled else ("params",)
    for state, optimizer in zip(checkpoint.get("optimizer_states", []), optimizers, strict=False):
        for saved, configured in zip(state["param_groups"], optimizer.param_groups, strict=False):
            saved.update({k: v for k, v in configured.items() if k not in kept})
