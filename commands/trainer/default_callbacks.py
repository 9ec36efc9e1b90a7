"""The callbacks that every run gets in addition to the configured ones."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lightning import Callback
from lightning.pytorch.callbacks import ModelCheckpoint, ModelSummary, ProgressBar

from callbacks import EpochCompletion, Preemption
from callbacks.base.progress_bar import PacedProgressBar
from callbacks.base.run_folder import RunFolderCheck
from commands.performance import is_switched_off
from commands.run.loggers import as_list
from commands.trainer.best_checkpoint import BestCheckpoint
from commands.trainer.last_checkpoint import LastCheckpoint
from commands.trainer.network_table import NetworkTable

__all__ = ["checkpoint_folders", "default_callbacks"]


def default_callbacks(
    configured: Sequence[Callback], options: Mapping[str, Any], run_folder: Path, in_job: bool
) -> list[Callback]:
    """Returns the callbacks that the user has neither configured nor switched off.

    Args:
        configured: callbacks of the user. A ModelCheckpoint without a folder gets the run's.
        options: of the trainer.
        run_folder: of the run.
        in_job: whether the run belongs to a job that SLURM or torchrun may stop and start again. It
            then continues from last.ckpt, which is saved even if the user has a ModelCheckpoint.
    """
    saves, shows_bar, shows_table = (
        options[f"enable_{name}"] is not False and not options["barebones"]
        for name in ("checkpointing", "progress_bar", "model_summary")
    )
    has_checkpoint, folder = _has(configured, ModelCheckpoint), run_folder / "checkpoints"
    for callback in configured:
        if isinstance(callback, ModelCheckpoint) and callback.dirpath is None:
            callback.dirpath = os.path.realpath(folder)  # the default is the first logger's folder
    defaults: list[Callback] = [RunFolderCheck(), EpochCompletion()]
    if saves and (in_job or not has_checkpoint):
        defaults.append(LastCheckpoint(folder))
    if saves and not has_checkpoint:
        defaults.append(BestCheckpoint(folder))
    if shows_bar and not is_switched_off() and not _has(configured, ProgressBar):
        defaults.append(PacedProgressBar())
    if shows_table and not _has(configured, ModelSummary):
        defaults.append(NetworkTable())
    if saves and in_job and not _has(configured, Preemption):
        defaults.append(Preemption())
    return defaults


def checkpoint_folders(configured: Any) -> list[str]:
    """Returns the `dirpath` of each configured callback that has one."""
    options = [callback.get("init_args") or {} for callback in as_list(configured)]
    return [str(args["dirpath"]) for args in options if args.get("dirpath")]


def _has(callbacks: Sequence[Callback], kind: type[Callback]) -> bool:
    return any(isinstance(callback, kind) for callback in callbacks)
