"""The epoch timer against a model that takes a known time."""

import time
from pathlib import Path

import pytest
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import Tensor

from callbacks import EpochCompletion, EpochTimer
from lightning_modules import EnergyVAE
from tests.helpers import TINY_SHAPE, TinyImages, quiet_trainer, tiny_decoder, tiny_encoder


def test_times_training_and_not_validation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    losses = EnergyVAE.losses

    def slow(self: EnergyVAE, images: Tensor) -> dict[str, Tensor]:
        time.sleep(0.05 if self.training else 1.0)
        return losses(self, images)

    monkeypatch.setattr(EnergyVAE, "losses", slow)
    model = EnergyVAE(TINY_SHAPE, 2, tiny_encoder, tiny_decoder)
    trainer = quiet_trainer(tmp_path, max_epochs=2, callbacks=[EpochTimer()])
    start = time.perf_counter()
    trainer.fit(model, TinyImages(batch_size=24))  # three steps, one validation batch
    whole = time.perf_counter() - start
    logged = trainer.callback_metrics
    seconds = float(logged["time/epoch_seconds"])
    assert seconds >= 3 * 0.05
    assert 2 * seconds < whole - 1.8  # two validations of a second each are not in it
    assert float(logged["time/steps_per_second"]) == pytest.approx(3 / seconds, rel=1e-5)


@pytest.mark.parametrize(("batch", "is_logged"), [(2, True), (3, False)])
def test_of_a_resumed_epoch_it_times_the_rest(tmp_path: Path, batch: int, is_logged: bool) -> None:
    save = ModelCheckpoint(tmp_path, every_n_train_steps=1, save_top_k=-1, filename="{step}")
    model = EnergyVAE(TINY_SHAPE, 2, tiny_encoder, tiny_decoder)
    first = quiet_trainer(tmp_path, enable_checkpointing=True, callbacks=[save])
    first.fit(model, TinyImages(batch_size=24))  # three steps
    start = time.perf_counter()
    second = quiet_trainer(tmp_path, callbacks=[EpochTimer(), EpochCompletion()])
    second.fit(model, TinyImages(batch_size=24), ckpt_path=f"{tmp_path}/step={batch}.ckpt")
    assert ("time/epoch_seconds" in second.callback_metrics) == is_logged
    if is_logged:  # and not since the machine was started
        assert 0 < second.callback_metrics["time/epoch_seconds"] < time.perf_counter() - start
