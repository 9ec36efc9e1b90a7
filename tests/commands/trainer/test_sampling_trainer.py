"""Trainer options that `sample` resets, and strategies that it refuses.

The command itself: tests/integration/test_sample.py.
"""

import inspect
from pathlib import Path

from jsonargparse import Namespace
from lightning import Trainer
from lightning.pytorch.strategies.launchers import _MultiProcessingLauncher

from commands.trainer.sampling_trainer import leave_out_training
from tests.helpers import quiet_trainer


def test_options_that_log_save_or_stop_early_are_reset() -> None:
    options = Namespace(
        callbacks=["HistoryAwareSampling"],
        logger=True,
        enable_checkpointing=None,
        profiler="simple",
        fast_dev_run=True,
        limit_predict_batches=1,
        overfit_batches=3,
        precision="bf16-mixed",
        devices=2,
    )
    leave_out_training(options)
    left = {name: value for name, value in vars(options).items() if value}
    assert left == {"precision": "bf16-mixed", "devices": 2}
    assert vars(options).keys() <= inspect.signature(Trainer).parameters.keys()


def test_the_launcher_identifies_strategies_that_copy_the_process() -> None:
    kinds = {
        name: type(quiet_trainer(Path(), strategy=name, devices=2).strategy.launcher)
        for name in ("ddp_spawn", "ddp_fork", "ddp")
    }
    copying = [name for name, kind in kinds.items() if issubclass(kind, _MultiProcessingLauncher)]
    assert copying == ["ddp_spawn", "ddp_fork"]
