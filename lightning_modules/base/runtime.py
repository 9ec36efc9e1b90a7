"""Queries to the trainer at run time, and optimizations of a training step."""

import os
from abc import ABC
from typing import Any

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn
from torch import Tensor, nn

__all__ = [
    "AbstractPlainAttributes",
    "attached_trainer",
    "is_fitting",
    "is_logged",
    "loggable",
    "stop_driver_checks",
]

_IS_FAST = os.environ.get("HAWC_PERFORMANCE") != "off"  # docs/performance.md


def attached_trainer(module: LightningModule) -> Trainer | None:
    """Returns the trainer that runs a module, or None."""
    try:
        return module.trainer
    except RuntimeError:  # raised by Lightning for a module without trainer
        return None


def is_fitting(module: LightningModule) -> bool:
    """Returns whether a trainer fits the module, rather than loads or evaluates it."""
    trainer = attached_trainer(module)
    return trainer is not None and trainer.state.fn == TrainerFn.FITTING


# Lightning passes the loggers the values logged last before every `log_every_n_steps`-th step, and
# most callbacks read them when an epoch ends. Logging at the steps between changes neither, but
# costs a fraction of a millisecond per value, much for a small network (benchmarks/peers_vae.py).
def is_logged(trainer: Trainer, step: int, lasting: int = 1) -> bool:
    """Returns whether loggers read this step or it is the last of its epoch.

    Args:
        trainer: of the present step.
        step: training steps of the whole run before this one, as Lightning counts them for its
            loggers: one per batch, or per group of batches whose gradients are accumulated.
        lasting: batches until there are newer values, this one included, at least 1.
    """
    interval = trainer.log_every_n_steps
    if interval > 0 and (step + lasting) // interval > step // interval:
        return True
    return trainer.fit_loop.batch_idx + lasting >= trainer.num_training_batches


def loggable(value: Tensor | float) -> Tensor | float:
    """Returns the value to log for a term: the mean of a tensor, without its graph."""
    if not isinstance(value, Tensor):
        return value
    return value.detach().mean() if value.is_floating_point() else value.detach().float().mean()


_NVML_CHECK = "PYTORCH_NVML_BASED_CUDA_CHECK"


# PyTorch's Adam queries at each step whether there is an accelerator. Lightning sets the variable
# at import: PyTorch then looks for a GPU through NVML, so that a process that forks later need not
# initialise CUDA. Each query loads that library anew: 40 microseconds, measured on a quiet machine
# without a GPU.
def stop_driver_checks() -> None:
    """Unsets Lightning's NVML variable on machines without an accelerator."""
    if _IS_FAST and not torch.accelerator.is_available():
        os.environ.pop(_NVML_CHECK, None)


_PLAIN = (str, int, float, type(None))  # and bool, a subclass of int


class AbstractPlainAttributes(nn.Module, ABC):
    """Sets strings, numbers and None without the search of `nn.Module.__setattr__`.

    Lightning writes the name of each hook to an attribute of the module, before and after it,
    dozens of times in a batch of a GAN. Each time `nn.Module` searches its tables of parameters,
    buffers and modules.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if _IS_FAST and isinstance(value, _PLAIN) and name in self.__dict__:
            object.__setattr__(self, name, value)
        else:
            super().__setattr__(name, value)
