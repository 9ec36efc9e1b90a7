"""The progress bar is drawn twice a second, and shows steps and the time left."""

from pathlib import Path
from typing import Any

import pytest
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint, RichProgressBar
from lightning.pytorch.loggers import CSVLogger

from callbacks.base import progress_bar
from callbacks.base.progress_bar import PacedProgressBar
from tests.helpers import TinyImages, quiet_trainer, tiny_energy_vae, tiny_wgan


class Clock:
    """Advances by the same time at each reading."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._now = seconds, 10.0

    def monotonic(self) -> float:
        self._now += self._seconds
        return self._now


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

    def update(self: RichProgressBar, bar: object, current: int, **_: object) -> None:
        batches.append(current)

    monkeypatch.setattr(progress_bar, "time", Clock(seconds))
    monkeypatch.setattr(RichProgressBar, "_update", update)
    monkeypatch.setattr(RichProgressBar, "_update_metrics", lambda *_, **__: None)
    bar = PacedProgressBar()
    trainer = quiet_trainer(
        tmp_path, callbacks=[bar], enable_progress_bar=True, limit_val_batches=0
    )
    trainer.fit(tiny_energy_vae(), TinyImages(batch_size=12))
    assert batches == shown
    assert bar.refresh_rate == 2


class Watched:
    """Trains with a clock of one second a batch, and records what the bar shows."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder, self._patch = folder, monkeypatch

    def fit(
        self, model: LightningModule, start: Path | None = None, **arguments: Any
    ) -> list[dict[str, Any]]:
        shown: list[dict[str, Any]] = []
        bar = PacedProgressBar()
        now = [100.0]

        class Seconds:
            def monotonic(self) -> float:
                return now[0]

        def show(
            self: object, trainer: Trainer, module: LightningModule, *_: Any, **__: Any
        ) -> None:
            shown.append(bar.get_metrics(trainer, module))

        class Tick(ModelCheckpoint):
            def on_train_batch_start(self, *_: Any) -> None:
                now[0] += 1

        self._patch.setattr(progress_bar, "time", Seconds())
        self._patch.setattr(RichProgressBar, "_update_metrics", show)
        save = Tick(self._folder, every_n_train_steps=1, save_top_k=-1, filename="{step}")
        trainer = quiet_trainer(
            self._folder,
            **{"callbacks": [bar, save], "enable_progress_bar": True, "limit_val_batches": 0},
            **{"enable_checkpointing": True, "max_epochs": 2, **arguments},
        )
        trainer.fit(model, TinyImages(batch_size=24), ckpt_path=start and str(start))
        return shown


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Watched:
    return Watched(tmp_path, monkeypatch)


def left(shown: list[dict[str, Any]]) -> list[str]:
    """Returns the time left as it changes from batch to batch."""
    return list(dict.fromkeys(metrics["left"] for metrics in shown))


def test_time_left_by_epochs(watched: Watched) -> None:
    shown = watched.fit(tiny_energy_vae())
    assert left(shown) == [f"0:00:0{seconds}" for seconds in (5, 4, 3, 2, 1, 0)]
    assert {metrics["steps/s"] for metrics in shown} == {"1.0"}
    assert not {"critic", "generator"} & shown[0].keys()


def test_time_left_by_steps_and_without_an_end(watched: Watched) -> None:
    shown = watched.fit(tiny_energy_vae(), max_steps=4, max_epochs=-1)
    assert left(shown) == [f"0:00:0{seconds}" for seconds in (3, 2, 1, 0)]
    sooner = watched.fit(tiny_energy_vae(), max_steps=4)
    assert left(sooner) == left(shown)
    endless = watched.fit(tiny_energy_vae(), max_epochs=-1, max_time={"seconds": 0})
    assert all("left" not in metrics for metrics in endless)


def test_steps_of_both_networks(watched: Watched) -> None:
    shown = watched.fit(tiny_wgan(n_critic=2))
    assert [shown[-1][name] for name in ("critic", "generator")] == ["6", "3"]
    assert shown[-1]["steps/s"] == "1.5"  # nine in six seconds


def test_the_loggers_version_is_not_shown(watched: Watched, tmp_path: Path) -> None:
    shown = watched.fit(tiny_energy_vae(), logger=CSVLogger(tmp_path))
    assert "steps/s" in shown[-1]
    assert "v_num" not in shown[-1]


def test_a_resumed_run_counts_only_its_steps(watched: Watched, tmp_path: Path) -> None:
    watched.fit(tiny_energy_vae())
    shown = watched.fit(tiny_energy_vae(), tmp_path / "step=2.ckpt")
    assert left(shown) == [f"0:00:0{seconds}" for seconds in (3, 2, 1, 0)]
    assert {metrics["steps/s"] for metrics in shown} == {"1.0"}
