"""Which callbacks of Lightning go with which models."""

from collections.abc import Callable
from pathlib import Path

import pytest
from lightning import Callback, LightningModule
from lightning.pytorch.callbacks import (
    BackboneFinetuning,
    BatchSizeFinder,
    DeviceStatsMonitor,
    EMAWeightAveraging,
    GradientAccumulationScheduler,
    LearningRateFinder,
    LearningRateMonitor,
    ModelPruning,
    SpikeDetection,
    StochasticWeightAveraging,
    ThroughputMonitor,
)
from lightning.pytorch.loggers import CSVLogger

from commands.errors import UsageError
from commands.lightning_callbacks import check_lightning_callbacks
from tests.helpers import TINY_SHAPE, quiet_trainer, tiny_vae, tiny_wgan
from tests.tiny_domains import tiny_disco_gan

ALONE: dict[type[Callback], Callable[[], Callback]] = {
    GradientAccumulationScheduler: lambda: GradientAccumulationScheduler({0: 2}),
    BatchSizeFinder: BatchSizeFinder,
    StochasticWeightAveraging: lambda: StochasticWeightAveraging(0.1),
    SpikeDetection: SpikeDetection,
}


class AlikeFinder(LearningRateFinder):
    """A user's own kind of a callback is refused as well."""


def check(folder: Path, model: LightningModule, callback: Callback, logs: bool = False) -> None:
    logger = CSVLogger(folder) if logs else False
    check_lightning_callbacks(quiet_trainer(folder, callbacks=[callback], logger=logger), model)


@pytest.mark.parametrize("make", [tiny_wgan, lambda: tiny_disco_gan(TINY_SHAPE)])
@pytest.mark.parametrize("kind", ALONE)
def test_of_one_optimizer(
    kind: type[Callback], make: Callable[[], LightningModule], tmp_path: Path
) -> None:
    message = (
        f"must leave out {kind.__name__} for .*, which steps its optimizers itself; .* instead"
    )
    with pytest.raises(UsageError, match=message):
        check(tmp_path, make(), ALONE[kind]())
    check(tmp_path, tiny_vae(), ALONE[kind]())
    assert not list(tmp_path.iterdir())


def test_a_learning_rate_must_have_a_name(tmp_path: Path) -> None:
    model = tiny_vae()
    with pytest.raises(UsageError, match="AlikeFinder for VAE, which has no attribute lr or"):
        check(tmp_path, model, AlikeFinder())
    model.lr = 1e-3  # type: ignore[assignment]
    check(tmp_path, model, AlikeFinder())
    with pytest.raises(UsageError, match="AlikeFinder for WGAN, which steps its optimizers"):
        check(tmp_path, tiny_wgan(), AlikeFinder())


def test_a_backbone_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="BackboneFinetuning for VAE, which has no network called"):
        check(tmp_path, tiny_vae(), BackboneFinetuning())


@pytest.mark.parametrize(
    "callback", [LearningRateMonitor(), DeviceStatsMonitor(), ThroughputMonitor(len)]
)
def test_what_logs_needs_a_logger(callback: Callback, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"since `trainer\.logger` is off and there is nowhere to"):
        check(tmp_path, tiny_vae(), callback)
    check(tmp_path, tiny_vae(), callback, logs=True)


@pytest.mark.parametrize(
    "callback", [EMAWeightAveraging(), ModelPruning("l1_unstructured", amount=0.1)]
)
def test_what_goes_with_all(callback: Callback, tmp_path: Path) -> None:
    for model in (tiny_vae(), tiny_wgan()):
        check(tmp_path, model, callback)
