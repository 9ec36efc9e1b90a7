"""Which callbacks of Lightning work with which models."""

from collections.abc import Callable
from pathlib import Path

import pytest
from lightning import Callback, LightningDataModule, LightningModule
from lightning.pytorch.callbacks import (
    BackboneFinetuning,
    BatchSizeFinder,
    DeviceStatsMonitor,
    EMAWeightAveraging,
    GradientAccumulationScheduler,
    LearningRateFinder,
    LearningRateMonitor,
    ModelCheckpoint,
    ModelPruning,
    SpikeDetection,
    StochasticWeightAveraging,
    ThroughputMonitor,
)
from lightning.pytorch.loggers import CSVLogger

from commands.errors import UsageError
from commands.run.callback_checks import check_lightning_callbacks, interval_notice
from tests.helpers import TINY_SHAPE, TinyImages, quiet_trainer, tiny_vae, tiny_wgan
from tests.tiny_domains import tiny_disco_gan

ALONE: dict[type[Callback], Callable[[], Callback]] = {
    GradientAccumulationScheduler: lambda: GradientAccumulationScheduler({0: 2}),
    BatchSizeFinder: BatchSizeFinder,
    StochasticWeightAveraging: lambda: StochasticWeightAveraging(0.1),
    SpikeDetection: SpikeDetection,
}


class AlikeFinder(LearningRateFinder):
    """A subclass is refused like its base."""


def check(folder: Path, model: LightningModule, callback: Callback, logs: bool = False) -> None:
    logger = CSVLogger(folder) if logs else False
    trainer = quiet_trainer(folder, callbacks=[callback], logger=logger)
    check_lightning_callbacks(trainer, model, TinyImages(batch_size=8))


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
    model = tiny_vae()
    model.batch_size = 8  # type: ignore[assignment]
    check(tmp_path, model, ALONE[kind]())
    assert not list(tmp_path.iterdir())


def test_a_size_of_batches_must_have_a_name(tmp_path: Path) -> None:
    trainer = quiet_trainer(tmp_path, callbacks=[BatchSizeFinder()])
    with pytest.raises(
        UsageError, match="BatchSizeFinder for VAE, since neither it nor LightningDataModu"
    ):
        check_lightning_callbacks(trainer, tiny_vae(), LightningDataModule())
    data = LightningDataModule()
    data.batch_size = 8  # type: ignore[attr-defined]
    check_lightning_callbacks(trainer, tiny_vae(), data)


def test_statistics_of_the_cpu_need_psutil(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("commands.run.callback_checks.find_spec", lambda name: None)
    with pytest.raises(UsageError, match="DeviceStatsMonitor for VAE, since psutil is not inst"):
        check(tmp_path, tiny_vae(), DeviceStatsMonitor(), logs=True)


def test_a_notice_on_the_interval_of_saves_if_batches_make_several_steps(tmp_path: Path) -> None:
    save = ModelCheckpoint(tmp_path, every_n_train_steps=7)
    trainer = quiet_trainer(tmp_path, callbacks=[save], enable_checkpointing=True)
    assert "ends at a multiple of 7" in str(interval_notice(trainer, tiny_wgan()))
    assert interval_notice(trainer, tiny_vae()) is None
    assert interval_notice(quiet_trainer(tmp_path), tiny_wgan()) is None


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
def test_callbacks_that_log_need_a_logger(
    callback: Callback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("commands.run.callback_checks.find_spec", lambda name: name)
    with pytest.raises(UsageError, match=r"since `trainer\.logger` is off; name a logger"):
        check(tmp_path, tiny_vae(), callback)
    check(tmp_path, tiny_vae(), callback, logs=True)


@pytest.mark.parametrize(
    "callback", [EMAWeightAveraging(), ModelPruning("l1_unstructured", amount=0.1)]
)
def test_callbacks_that_work_with_all_models(callback: Callback, tmp_path: Path) -> None:
    for model in (tiny_vae(), tiny_wgan()):
        check(tmp_path, model, callback)
