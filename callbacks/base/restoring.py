"""Checks whether callbacks can restore their states, before a run writes anything."""

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import Tensor

from callbacks.base.model_callback import AbstractModelCallback

__all__ = ["check_callback_states"]

_KNOWN = ("callbacks", "commands", "lightning")  # packages
_SCORES = ("best_model_score", "current_score", "kth_value")
_PATHS = ("best_model_path", "kth_best_model_path", "last_model_path", "dirpath")


def check_callback_states(
    states: Mapping[str, Any], trainer: Trainer, module: LightningModule
) -> None:
    """Raises an error of any kind unless copies of the callbacks can restore their states.

    A user's callback may need its `setup` first, and is left to Lightning.

    Args:
        states: of a checkpoint, by `state_key`.
        trainer: of the run, with its callbacks; unchanged.
        module: of the run.
    """
    # shared by the copies: W&B's logger starts its run when it is copied
    shared = {id(part): part for part in (trainer, module, *trainer.loggers)}
    for callback in trainer.callbacks:
        state = states.get(callback.state_key)
        if not state or type(callback).__module__.partition(".")[0] not in _KNOWN:
            continue
        _check_kinds(callback, state)
        try:
            trial = copy.deepcopy(callback, {**shared})
        except Exception:  # it may hold an object of a user that cannot be copied
            continue
        trial.load_state_dict(state)  # not a copy, which would double a large average
        if isinstance(trial, AbstractModelCallback):
            trial.check_restored(module)


def _check_kinds(callback: Callback, state: Mapping[str, Any]) -> None:
    """Raises an error for a state of Lightning's callbacks that fails or does harm later."""
    if isinstance(callback, ModelCheckpoint):
        _check_kept_files(state)
    if not type(callback).__module__.startswith("lightning."):
        return
    for name, value in callback.state_dict().items():
        found = state.get(name, value)  # an earlier release may lack it
        is_number = isinstance(value, int | float) and isinstance(found, int | float)
        if value is not None and not is_number and not isinstance(found, type(value)):
            raise TypeError(f"{name} is of another kind")


def _check_kept_files(state: Mapping[str, Any]) -> None:
    kept = state.get("best_k_models", {})
    scores = [*(state.get(name) for name in _SCORES), *kept.values()]
    if not all(score is None or _is_score(score) for score in scores):
        raise TypeError("a score is no number")
    # a callback removes files that it no longer keeps
    for path in (*(state.get(name) for name in _PATHS), *kept):
        if path is not None and ".." in Path(path).parts:
            raise ValueError("a file is outside of its folder")


def _is_score(value: object) -> bool:
    return isinstance(value, int | float) or (isinstance(value, Tensor) and value.numel() == 1)
