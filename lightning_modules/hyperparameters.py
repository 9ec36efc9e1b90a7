"""Checks and bookkeeping of constructor arguments that all models share."""

from collections.abc import Mapping, Sequence
from typing import Any

from lightning import LightningModule
from lightning.pytorch.utilities import rank_zero_warn
from torch.optim import Optimizer

from lightning_modules.interface import ImageShape

__all__ = [
    "check_sizes",
    "forget_callables",
    "is_another_class",
    "keep_configured_settings",
    "warn_of_ignored_settings",
]

_SCHEDULED = ("lr", "betas", "momentum")  # what PyTorch's schedulers move, OneCycleLR the last two


def check_sizes(image_shape: ImageShape, latent_dim: int) -> None:
    """Raises ValueError unless there is at least one latent and all sides of a picture exist."""
    if latent_dim < 1:
        raise ValueError(f"`latent_dim` must be at least 1, got {latent_dim}.")
    if not image_shape or min(image_shape) < 1:
        raise ValueError(f"`image_shape` must be positive integers, got {image_shape}.")


def forget_callables(module: LightningModule) -> None:
    """Drops factories from the saved hyperparameters of a module built in Python.

    The command line records a factory as its class path and arguments, which a checkpoint can hold.
    A factory object itself could not be loaded back without running code from the file.
    """
    for name in [name for name, value in module.hparams.items() if callable(value)]:
        del module.hparams[name]


def keep_configured_settings(
    checkpoint: dict[str, Any], optimizers: Sequence[Optimizer], scheduled: bool = False
) -> None:
    """Puts the configured learning rates and the like into a checkpoint that is being resumed.

    The moments come from the checkpoint, the settings from the configuration: a learning rate given
    on the command line would be ignored otherwise, without a word. Not so what a scheduler moves.

    Args:
        checkpoint: changed in place.
        optimizers: as configured.
        scheduled: whether schedulers go on from the checkpoint, with learning rates and momenta.
    """
    kept = ("params", *_SCHEDULED) if scheduled else ("params",)
    for state, optimizer in zip(checkpoint.get("optimizer_states", []), optimizers, strict=False):
        for saved, configured in zip(state["param_groups"], optimizer.param_groups, strict=False):
            saved.update({k: v for k, v in configured.items() if k not in kept})


def warn_of_ignored_settings(saved: Mapping[str, Any], configured: Mapping[str, Any]) -> None:
    """Says in one line what a scheduler that goes on from a checkpoint makes of no effect.

    Args:
        saved: hyperparameters in the checkpoint; what a module built in Python was given as
            `optimizer` and `scheduler` is not among them, and nothing is said of it.
        configured: those of the module.
    """
    ignored = []
    for name, scheduled in (("optimizer", _SCHEDULED), ("scheduler", None)):
        was, given = _arguments(saved, name), _arguments(configured, name)
        for key in was.keys() & given.keys() if scheduled is None else scheduled:
            if was.get(key) != given.get(key):
                ignored.append(f"{name}.{key} stays {was.get(key)} ({given.get(key)} was given)")
    if ignored:
        rank_zero_warn(
            "a resumed run goes on with the schedule of its checkpoint: "
            f"{', '.join(sorted(ignored))}; resume without `scheduler` to change the rate."
        )


def is_another_class(name: str, saved: Mapping[str, Any], configured: Mapping[str, Any]) -> bool:
    """Whether the command line recorded different classes under a name."""
    paths = [(h.get(name) or {}).get("class_path") for h in (saved, configured)]
    return None not in paths and paths[0] != paths[1]


def _arguments(hyperparameters: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return (hyperparameters.get(name) or {}).get("init_args") or {}
