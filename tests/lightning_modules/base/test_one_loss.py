"""One optimizer, one loss: steps by hand, logged values, schedules and lost losses."""

from functools import partial
from pathlib import Path

import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import Tensor, nn
from torch.optim.lr_scheduler import ExponentialLR

from lightning_modules import TrainingError
from lightning_modules.base.checks import BatchContract
from lightning_modules.base.one_loss import AbstractOneLoss
from tests.helpers import TINY_SHAPE, TinyImages, quiet_trainer


class Level(AbstractOneLoss):
    """Learns the mean grey level: loss (w - mean)^2, whose gradient is 2 (w - mean)."""

    def __init__(self, scale: float = 1.0) -> None:
        sgd = partial(torch.optim.SGD, lr=0.25)
        super().__init__(TINY_SHAPE, sgd, partial(ExponentialLR, gamma=0.5))
        self.level = nn.Parameter(torch.zeros(()))
        self.scale = scale

    def losses(self, images: Tensor) -> dict[str, Tensor]:
        distance = (self.level - images.mean()).square() * self.scale
        return {"loss": distance, "level": self.level}


def test_steps_logs_and_schedule_by_hand(tmp_path: Path) -> None:
    data = TinyImages(batch_size=36, num_validation=8)
    model, trainer = Level(), quiet_trainer(tmp_path, max_epochs=2)
    trainer.fit(model, data)
    expected, rate = 0.0, 0.25
    for epoch in range(2):
        loader = data.train_dataloader()
        loader.set_epoch(epoch)
        for images, _ in loader:
            last = expected
            expected -= rate * 2 * (expected - float(images.mean()))
        rate *= 0.5
    assert abs(float(model.level) - expected) < 1e-6
    logged = trainer.callback_metrics
    assert abs(float(logged["train/level"]) - last) < 1e-6  # before the last step
    assert abs(float(logged["val/level"]) - expected) < 1e-6
    assert "val/loss" in logged
    assert model.hparams == {"scale": 1.0, "image_shape": TINY_SHAPE}


def test_a_resumed_run_has_the_schedules_rate(tmp_path: Path) -> None:
    save = ModelCheckpoint(tmp_path, filename="half", save_on_train_epoch_end=True)
    options = {"enable_checkpointing": True, "callbacks": [save]}
    whole, half = Level(), Level()
    quiet_trainer(tmp_path, max_epochs=2).fit(whole, TinyImages(batch_size=36))
    quiet_trainer(tmp_path, max_epochs=1, **options).fit(half, TinyImages(batch_size=36))
    again = Level()
    trainer = quiet_trainer(tmp_path, max_epochs=2)
    trainer.fit(again, TinyImages(batch_size=36), ckpt_path=f"{tmp_path}/half.ckpt")
    assert torch.equal(again.level, whole.level)
    assert not torch.equal(half.level, whole.level)


def test_a_loss_that_is_lost_ends_the_run(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="finite"):
        quiet_trainer(tmp_path).fit(Level(float("inf")), TinyImages(batch_size=36))


def test_examples_of_another_shape_end_the_run(tmp_path: Path) -> None:
    model = Level()
    model.batch_contract = BatchContract((3, 8, 8), "Level")
    with pytest.raises(
        TrainingError, match=r"serve Level batches .* of the shape \(n, 3, 8, 8\), got"
    ):
        quiet_trainer(tmp_path).fit(model, TinyImages(batch_size=36))
