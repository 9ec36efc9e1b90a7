"""What does not go together, refused in one order. As commands: tests/test_bad_*.py."""

from pathlib import Path
from typing import Any

import pytest
from lightning import LightningModule
from torch.optim import SGD

from callbacks import CoveredModes, CriticSlopes, HistoryAwareSampling
from commands.errors import UsageError
from commands.run_checks import check_run
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
