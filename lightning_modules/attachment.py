"""Whether a module is in a trainer's hands."""

from lightning import LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn

__all__ = ["attached_trainer", "is_fitting"]


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
