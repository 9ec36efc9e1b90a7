"""Settings that do not fit each other are refused. As commands: tests/test_bad_input.py."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from lightning import LightningDataModule, LightningModule
from lightning.pytorch.utilities import CombinedLoader
from torch.optim import SGD
from torch.utils.data import DataLoader, IterableDataset

from callbacks import CoveredModes, CriticSlopes, HistoryAwareSampling
from commands.errors import UsageError
from commands.run.checks import check_batches, check_run
from datamodules import GaussianEllipse, Gaussians8, SwissRoll
from lightning_modules import MeanField
from tests.helpers import (
    TINY_SHAPE,
    TinyImages,
    quiet_trainer,
    tiny_energy_vae,
    tiny_vae,
    tiny_wgan,
)
from tests.tiny_domains import TinyDomains, tiny_disco_gan


def check(
    folder: Path, model: LightningModule, stage: str = "fit", data: Any = None, **arguments: Any
) -> None:
    check_run(stage, quiet_trainer(folder, **arguments), model, data or TinyImages())


def test_settings_that_fit(tmp_path: Path) -> None:
    check(tmp_path, tiny_wgan(), callbacks=[HistoryAwareSampling()])
    check(tmp_path, tiny_energy_vae(), gradient_clip_val=1.0, accumulate_grad_batches=2)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("option", "instead"),
    [
        ({"gradient_clip_val": 1.0}, "`model.max_gradient_norm`"),
        ({"accumulate_grad_batches": 2}, "a larger `data.batch_size`"),
    ],
)
def test_options_of_models_with_one_optimizer(
    option: dict[str, Any], instead: str, tmp_path: Path
) -> None:
    (name,) = option
    message = f"`trainer.{name}` must be left out for WGAN, which .*; set {instead} instead"
    with pytest.raises(UsageError, match=message):
        check(tmp_path, tiny_wgan(), **option)


def test_a_model_without_a_step_or_with_a_bad_optimizer(tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match="must have a validation_step for `validate`, got WGAN without one"
    ):
        check(tmp_path, tiny_wgan(), "validate")
    slow = tiny_wgan(critic_optimizer=lambda p: SGD(p, lr=-1.0))
    with pytest.raises(UsageError, match="an optimizer of WGAN is refused: Invalid learning rate"):
        check(tmp_path, slow)


@pytest.mark.parametrize(
    "option",
    ["accumulate_grad_batches", "check_val_every_n_epoch", "val_check_interval"],
)
def test_intervals_of_0(option: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=rf"`trainer\.{option}` must be greater than 0, got 0"):
        check(tmp_path, tiny_vae(), **{option: 0})


@pytest.mark.parametrize("option", ["max_epochs", "max_steps", "limit_train_batches"])
def test_a_training_of_nothing(option: str, tmp_path: Path) -> None:
    message = rf"`trainer\.{option}` must be greater than 0 for `fit`, got 0; use `validate`"
    with pytest.raises(UsageError, match=message):
        check(tmp_path, tiny_vae(), **{option: 0})


@pytest.mark.parametrize("stage", ["fit", "validate", "test"])
def test_batches_of_two_domains_need_a_model_of_two_domains(stage: str, tmp_path: Path) -> None:
    disco = tiny_disco_gan(TINY_SHAPE)
    check(tmp_path, disco, stage, TinyDomains())
    with pytest.raises(UsageError, match="two domains to DiscoGAN, got TinyImages, whose batches"):
        check(tmp_path, disco, stage)
    with pytest.raises(UsageError, match="one domain to EnergyVAE, got TinyDomains, whose batches"):
        check(tmp_path, tiny_energy_vae(), stage, TinyDomains())


def test_callbacks_whose_needs_are_not_met(tmp_path: Path) -> None:
    twice = [CriticSlopes(), CriticSlopes()]
    message = "`trainer.callbacks` must name CriticSlopes once, got it twice; remove one"
    with pytest.raises(UsageError, match=message):
        check(tmp_path, tiny_wgan(), callbacks=twice)
    with pytest.raises(UsageError, match="CoveredModes needs data with `modes` and `mode_std`"):
        check(tmp_path, tiny_wgan(), callbacks=[CoveredModes()])
    with pytest.raises(UsageError, match="HistoryAwareSampling needs a model with"):
        check(tmp_path, Bare(), callbacks=[HistoryAwareSampling()])


class Bare(LightningModule):
    """A model without anything that callbacks need."""

    def training_step(self, batch: Any) -> None:
        pass


def test_models_that_need_a_density_need_data_with_one(tmp_path: Path) -> None:
    check(tmp_path, MeanField((2,)), data=GaussianEllipse(num_points=1000))
    check(tmp_path, MeanField((2,)), data=Gaussians8(num_points=1000))
    with pytest.raises(
        UsageError, match="must have a `log_density` for MeanField, got SwissRoll, wh"
    ):
        check(tmp_path, MeanField((2,)), data=SwissRoll(num_points=1000))


class ManyLoaders(TinyImages):
    """Serves the same to two validations; each has more batches than there are loaders."""

    def val_dataloader(self) -> Any:
        return [super().val_dataloader()] * 2


class SeveralValidations(LightningModule):
    """Has a validation step for several loaders."""

    def validation_step(self, batch: Any, batch_idx: int, dataloader_idx: int) -> None:
        pass


class CombinedImages(TinyImages):
    """Serves its batches by a loader that has no length before it is iterated."""

    def train_dataloader(self) -> Any:
        return CombinedLoader(super().train_dataloader(), "max_size_cycle")


class Stream(IterableDataset[Any]):
    """A stream of batches without a length."""

    def __init__(self, loader: Any) -> None:
        self.loader = loader

    def __iter__(self) -> Iterator[Any]:
        return iter(self.loader)


class StreamedImages(TinyImages):
    """Serves its batches as a stream, by a loader whose length raises a TypeError."""

    def train_dataloader(self) -> Any:
        return DataLoader(Stream(super().train_dataloader()), batch_size=None)


class TrainingOnly(LightningDataModule):
    """Has no batches to validate or test with."""

    def __init__(self, batch_size: int = 4) -> None:
        super().__init__()
        self.images = TinyImages(batch_size=batch_size)

    def setup(self, stage: str) -> None:
        self.images.setup(stage)

    def train_dataloader(self) -> Any:
        self.images.trainer = self.trainer  # with overfit_batches it serves the same batches again
        return self.images.train_dataloader()


@pytest.mark.parametrize(
    ("make_data", "options"),
    [
        (TinyImages, {"val_check_interval": "00:00:15:00"}),
        (TinyImages, {"val_check_interval": {"minutes": 15}, "limit_train_batches": 0.5}),
        (TinyImages, {"val_check_interval": timedelta(minutes=15), "limit_train_batches": 3}),
        (StreamedImages, {"val_check_interval": 5}),
        (StreamedImages, {"limit_train_batches": 3}),
        (CombinedImages, {"val_check_interval": 5}),
        (CombinedImages, {"limit_train_batches": 0.5}),
        (TrainingOnly, {"limit_val_batches": 5}),
        (TrainingOnly, {"fast_dev_run": 2}),
        (TrainingOnly, {"overfit_batches": 3}),
    ],
)
def test_options_that_lightning_accepts_are_accepted(
    make_data: Any, options: dict[str, Any], tmp_path: Path
) -> None:
    check_and_fit(tmp_path, tiny_vae(), make_data(batch_size=4), **options)


def check_and_fit(
    folder: Path, model: LightningModule, data: LightningDataModule, **options: Any
) -> None:
    trainer = quiet_trainer(folder, **options)
    check_run("fit", trainer, model, data)
    data.prepare_data()
    data.setup("fit")
    check_batches("fit", trainer, model, data)
    trainer.fit(model, datamodule=data)
    assert trainer.global_step > 0


def test_only_models_with_a_validation_step_need_validation_batches(tmp_path: Path) -> None:
    few = {"overfit_batches": 0.2}  # of 18 batches to train and 2 to validate with
    check_and_fit(tmp_path, tiny_wgan(), TinyImages(batch_size=4), **few)
    message = (
        r"`trainer\.overfit_batches` must be .* at least one of the 2 for validation, got 0\.2"
    )
    with pytest.raises(UsageError, match=message):
        check_and_fit(tmp_path, tiny_vae(), TinyImages(batch_size=4), **few)


@pytest.mark.parametrize("stage", ["validate", "test"])
def test_the_other_stages(stage: str, tmp_path: Path) -> None:
    data = TinyImages(batch_size=4)
    data.setup(stage)
    trainer = quiet_trainer(tmp_path, val_check_interval="00:00:15:00")
    check_run(stage, trainer, tiny_vae(), data)
    check_batches(stage, trainer, tiny_vae(), data)
    name, purpose = {"validate": ("val", "validation"), "test": ("test", "testing")}[stage]
    trainer = quiet_trainer(tmp_path, **{f"limit_{name}_batches": 0.1})
    message = rf"`trainer\.limit_{name}_batches` must be .* of the \d for {purpose}, got 0\.1"
    with pytest.raises(UsageError, match=message):
        check_batches(stage, trainer, tiny_vae(), data)
    with pytest.raises(UsageError, match=f"have a {name}_dataloader for `{stage}`, got TrainingOn"):
        check(tmp_path, tiny_vae(), stage, TrainingOnly())


def test_only_loaders_with_a_length_are_counted(tmp_path: Path) -> None:
    data = ManyLoaders(batch_size=1)
    data.setup("fit")
    check_batches(
        "fit", quiet_trainer(tmp_path, limit_val_batches=0.25), SeveralValidations(), data
    )
    few = quiet_trainer(tmp_path, limit_train_batches=0.01)
    with pytest.raises(UsageError, match=r"`trainer\.limit_train_batches` must be .* the 72 for"):
        check_batches("fit", few, SeveralValidations(), data)


def test_an_interval_may_span_epochs(tmp_path: Path) -> None:
    over = {"check_val_every_n_epoch": None, "val_check_interval": 100}
    data = TinyImages(batch_size=1)
    data.setup("fit")
    check_batches("fit", quiet_trainer(tmp_path, **over), tiny_vae(), data)
    with pytest.raises(UsageError, match=r"must be at most 36, the batches of an epoch, got 100"):
        check_batches(
            "fit",
            quiet_trainer(tmp_path, val_check_interval=100, limit_train_batches=0.5),
            tiny_vae(),
            data,
        )
