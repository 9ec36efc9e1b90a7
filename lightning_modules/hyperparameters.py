"""Checks and bookkeeping of constructor arguments that all models share."""

from collections.abc import Sequence
from numbers import Integral

from lightning import LightningModule

from lightning_modules.interface import ImageShape

__all__ = ["check_at_least_one", "check_sizes", "forget_callables"]


def check_at_least_one(name: str, value: int) -> None:
    """Raises ValueError unless the argument called `name` counts something."""
    if value < 1:
        raise ValueError(f"`{name}` must be at least 1, got {value}; give a positive integer.")


def check_sizes(image_shape: ImageShape, latent_dim: int) -> None:
    """Raises ValueError unless there is a latent, and a shape of an image or a row."""
    check_at_least_one("latent_dim", latent_dim)
    sides = image_shape if isinstance(image_shape, Sequence) else ()
    is_known = len(sides) in (1, 3) and all(isinstance(n, Integral) and n >= 1 for n in sides)
    if not is_known:
        raise ValueError(
            "`image_shape` must be positive integers, (channels, height, width) of an image or "
            f"(features,) of a row, got {image_shape}; the data module must know it before `setup`."
        )


def forget_callables(module: LightningModule) -> None:
    """Drops factories from the saved hyperparameters of a module built in Python.

    The command line records a factory as its class path and arguments, which a checkpoint can hold.
    A factory object itself could not be loaded back without running code from the file, nor can
    every one be copied to another process.
    """
    # the second is what loggers are told, and private; test_hyperparameters.py fails if it goes
    for kept in (module.hparams, module._hparams_initial):
        for name in [name for name, value in kept.items() if callable(value)]:
            del kept[name]
