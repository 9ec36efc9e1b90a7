"""What `sample` takes from a fit's options. The command itself: tests/test_sample.py."""

import inspect

from jsonargparse import Namespace
from lightning import Trainer
from lightning.pytorch.strategies import DDPStrategy
from lightning.pytorch.strategies.launchers import _MultiProcessingLauncher

from commands.sampling_trainer import SamplingTrainer, leave_out_training


def test_nothing_that_logs_saves_or_cuts_short_is_left() -> None:
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
    left = {"precision": "bf16-mixed", "devices": 2}
    leave_out_training(options)
    given = {name: value for name, value in vars(options).items() if value}
    assert given == left
    assert options.keys() <= inspect.signature(Trainer).parameters.keys()


def test_sampling_options_do_not_hide_lightnings() -> None:
    assert not hasattr(Trainer, "sample")
    assert {"ckpt_path", "weights_only"} <= inspect.signature(
        SamplingTrainer.sample
    ).parameters.keys()


def test_strategies_that_copy_memory_are_told_by_their_launcher() -> None:
    strategy = DDPStrategy(start_method="spawn")
    strategy._configure_launcher()
    assert isinstance(strategy.launcher, _MultiProcessingLauncher)
