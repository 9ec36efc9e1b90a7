"""The bar counts every batch, though it looks twice a second."""

from pathlib import Path

import pytest
from lightning.pytorch.callbacks import RichProgressBar

from commands import paced_progress_bar
from commands.paced_progress_bar import PacedProgressBar
from tests.helpers import TinyImages, quiet_trainer, tiny_energy_vae


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.2, [1, 4, 6]),  # due after 0.5 s, and with the last batch
        (0.6, [1, 2, 3, 4, 5, 6]),
    ],
)
def test_shows_two_batches_a_second_and_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float, shown: list[int]
) -> None:
    batches: list[int] = []

    class Clock:
        def monotonic(self) -> float:
            self.now = getattr(self, "now", 10.0) + seconds
            return self.now

    def update(self: RichProgressBar, bar: object, current: int, **_: object) -> None:
        batches.append(current)

    monkeypatch.setattr(paced_progress_bar, "time", Clock())
    monkeypatch.setattr(RichProgressBar, "_update", update)
    bar = PacedProgressBar()
    trainer = quiet_trainer(
        tmp_path, callbacks=[bar], enable_progress_bar=True, limit_val_batches=0
    )
    trainer.fit(tiny_energy_vae(), TinyImages(batch_size=12))
    assert batches == shown
    assert bar.refresh_rate == 2
