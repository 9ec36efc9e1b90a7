"""The epoch timer against a model that takes a known time."""

import time
from pathlib import Path

import pytest
from torch import Tensor

from callbacks import EpochTimer
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
