"""What models ask of the trainer and of torch at run time, and what keeps a step cheap."""

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
    "is_read",
    "loggable",
    "stop_driver_checks",
]


def attached_trainer(module: LightningModule) -> Trainer | None:
    """Returns the trainer that runs a module, None for a module by itself."""
    try:
        return module.trainer
    except RuntimeError:  # Lightning's way to say so
        return None


def is_fitting(module: LightningModule) -> bool:
    """Returns whether a trainer fits the module, rather than only loading or evaluating it."""
    trainer = attached_trainer(module)
    return trainer is not None and trainer.state.fn == TrainerFn.FITTING


_VARIABLE = "PYTORCH_NVML_BASED_CUDA_CHECK"


def stop_driver_checks() -> None:
    """Takes the variable away where there is no accelerator, so nothing for it to protect."""
    if not torch.accelerator.is_available():
        os.environ.pop(_VARIABLE, None)


def loggable(value: Tensor | float) -> Tensor | float:
    """Returns what is logged of a term: the mean of a tensor, without its graph."""
    if not isinstance(value, Tensor):
        return value
    return value.detach().mean() if value.is_floating_point() else value.detach().float().mean()


def is_read(trainer: Trainer, step: int, lasting: int = 1) -> bool:
    """Returns whether loggers read this step or it is the last of its epoch.

    Args:
        trainer: of the step that is made now.
        step: training steps of the whole run before this one, as Lightning counts them for its
            loggers: a batch each, or the batches that gradients are accumulated over.
        lasting: batches until there are newer values, this one included, at least 1.
    """
    interval = trainer.log_every_n_steps
    if interval > 0 and (step + lasting) // interval > step // interval:
        return True
    return trainer.fit_loop.batch_idx + lasting >= trainer.num_training_batches


_PLAIN = (str, int, float, type(None))  # and bool


class AbstractPlainAttributes(nn.Module, ABC):
    """Sets strings, numbers and None without asking whether they are parameters or modules.

    Lightning notes the name of each hook in an attribute of the module, before and after, dozens of
    times in a batch of a GAN, and `nn.Module` looks through its tables each time.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, _PLAIN) and name in self.__dict__:
            object.__setattr__(self, name, value)
        else:
            super().__setattr__(name, value)
