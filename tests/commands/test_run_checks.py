"""What does not go together, refused in one order. As commands: tests/test_bad_*.py."""

from pathlib import Path
from typing import Any

import pytest
from lightning import LightningModule
from torch.optim import SGD

from callbacks import CoveredModes, CriticSlopes, HistoryAwareSampling
from commands.errors import UsageError
from commands.run_checks import check_batches, check_run
from datamodules import GaussianEllipse, Gaussians8, SwissRoll
from lightning_modules import MeanField
from tests.helpers import TINY_SHAPE, TinyImages, quiet_trainer, tiny_energy_vae, tiny_wgan
from tests.tiny_domains import TinyDomains, tiny_disco_gan


def check(
    folder: Path, model: LightningModule, stage: str = "fit", data: Any = None, **arguments: Any
) -> None:
    check_run(stage, quiet_trainer(folder, **arguments), model, data or TinyImages())


def test_what_goes_together(tmp_path: Path) -> None:
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


def test_a_model_that_cannot_do_what_is_asked(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="WGAN has nothing to validate; it has no validation_step"):
        check(tmp_path, tiny_wgan(), "validate")
    slow = tiny_wgan(critic_optimizer=lambda p: SGD(p, lr=-1.0))
    with pytest.raises(UsageError, match="an optimizer of WGAN is refused: Invalid learning rate"):
        check(tmp_path, slow)


@pytest.mark.parametrize("stage", ["fit", "validate", "test"])
def test_batches_of_two_domains_are_for_those_who_take_them(stage: str, tmp_path: Path) -> None:
    disco = tiny_disco_gan(TINY_SHAPE)
    check(tmp_path, disco, stage, TinyDomains())
    with pytest.raises(UsageError, match="two domains to DiscoGAN, got TinyImages, whose batches"):
        check(tmp_path, disco, stage)
    with pytest.raises(UsageError, match="one domain to EnergyVAE, got TinyDomains, whose batches"):
        check(tmp_path, tiny_energy_vae(), stage, TinyDomains())


def test_callbacks_that_lack_something(tmp_path: Path) -> None:
    twice = [CriticSlopes(), CriticSlopes()]
    message = "`trainer.callbacks` must name CriticSlopes once, got it twice; remove one"
    with pytest.raises(UsageError, match=message):
        check(tmp_path, tiny_wgan(), callbacks=twice)
    with pytest.raises(UsageError, match="CoveredModes needs data with `modes` and `mode_std`"):
        check(tmp_path, tiny_wgan(), callbacks=[CoveredModes()])
    with pytest.raises(UsageError, match="HistoryAwareSampling needs a model with"):
        check(tmp_path, Bare(), callbacks=[HistoryAwareSampling()])


class Bare(LightningModule):
    """A model that no callback asks for."""

    def training_step(self, batch: Any) -> None:
        pass


def test_a_density_is_asked_for_by_those_who_need_it(tmp_path: Path) -> None:
    check(tmp_path, MeanField((2,)), data=GaussianEllipse(num_points=1000))
    check(tmp_path, MeanField((2,)), data=Gaussians8(num_points=1000))
    with pytest.raises(UsageError, match="must know its density for MeanField, got SwissRoll, whi"):
        check(tmp_path, MeanField((2,)), data=SwissRoll(num_points=1000))


class ManyLoaders(TinyImages):
    """Serves the same to two validations; each has more batches than there are loaders."""

    def val_dataloader(self) -> Any:
        return [super().val_dataloader()] * 2


class NoLoader(TinyImages):
    """Would do a lot to make a loader."""

    def train_dataloader(self) -> Any:
        raise AssertionError


def test_only_what_has_a_number_of_batches_is_counted(tmp_path: Path) -> None:
    data = ManyLoaders(batch_size=1)
    data.setup("fit")
    check_batches("fit", quiet_trainer(tmp_path, limit_val_batches=0.25), data)
    with pytest.raises(UsageError, match=r"`trainer\.limit_train_batches` must be .* of the 72 th"):
        check_batches("fit", quiet_trainer(tmp_path, limit_train_batches=0.01), data)


def test_no_loader_is_made_where_the_defaults_stand(tmp_path: Path) -> None:
    check_batches("fit", quiet_trainer(tmp_path), NoLoader())
    check_batches("fit", quiet_trainer(tmp_path, limit_train_batches=0), NoLoader())


def test_an_interval_counts_over_epochs_if_it_is_told_to(tmp_path: Path) -> None:
    over = {"check_val_every_n_epoch": None, "val_check_interval": 100}
    data = TinyImages(batch_size=1)
    data.setup("fit")
    check_batches("fit", quiet_trainer(tmp_path, **over), data)
    with pytest.raises(UsageError, match=r"must be at most 36, the batches of an epoch, got 100"):
        check_batches(
            "fit",
            quiet_trainer(tmp_path, val_check_interval=100, limit_train_batches=0.5),
            data,
        )
