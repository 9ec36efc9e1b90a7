"""Times of a model with known durations."""

import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import Tensor

from callbacks import EpochCompletion, EpochTimer, epoch_timer
from lightning_modules import EnergyVAE
from tests.helpers import TINY_SHAPE, TinyImages, quiet_trainer, tiny_decoder, tiny_encoder


def test_validation_is_not_timed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    losses, now = EnergyVAE.losses, [100.0]

    def slow(self: EnergyVAE, images: Tensor) -> dict[str, Tensor]:
        now[0] += 0.5 if self.training else 60.0
        return losses(self, images)

    monkeypatch.setattr(EnergyVAE, "losses", slow)
    monkeypatch.setattr(epoch_timer, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    model = EnergyVAE(TINY_SHAPE, 2, tiny_encoder, tiny_decoder)
    trainer = quiet_trainer(tmp_path, max_epochs=2, callbacks=[EpochTimer()])
    trainer.fit(model, TinyImages(batch_size=24))  # three steps, one validation batch
    assert now[0] == 100 + 2 * (3 * 0.5 + 60)
    assert trainer.callback_metrics["time/epoch_seconds"] == 1.5
    assert trainer.callback_metrics["time/steps_per_second"] == 2


@pytest.mark.parametrize(("batch", "is_logged"), [(2, True), (3, False)])
def test_a_resumed_epoch_is_timed_from_the_resume(
    tmp_path: Path, batch: int, is_logged: bool
) -> None:
    save = ModelCheckpoint(tmp_path, every_n_train_steps=1, save_top_k=-1, filename="{step}")
    model = EnergyVAE(TINY_SHAPE, 2, tiny_encoder, tiny_decoder)
    first = quiet_trainer(tmp_path, enable_checkpointing=True, callbacks=[save])
    first.fit(model, TinyImages(batch_size=24))  # three steps
    start = time.perf_counter()
    second = quiet_trainer(tmp_path, callbacks=[EpochTimer(), EpochCompletion()])
    second.fit(model, TinyImages(batch_size=24), ckpt_path=f"{tmp_path}/step={batch}.ckpt")
    assert ("time/epoch_seconds" in second.callback_metrics) == is_logged
    if is_logged:  # not since the start of the clock
        assert 0 < second.callback_metrics["time/epoch_seconds"] < time.perf_counter() - start
