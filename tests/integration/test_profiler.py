"""`--trainer.profiler` prints times on the screen or into the run's folder."""

import sys
from pathlib import Path
from typing import ClassVar

import pytest
from lightning import Callback, Trainer
from lightning.pytorch.profilers import Profiler, SimpleProfiler

import train
from commands.performance import NoProfiler

CONFIG = str(Path(__file__).parents[2] / "configs" / "energy_vae_mnist5k.yaml")
TINY = (
    *("--trainer.accelerator", "cpu", "--trainer.enable_progress_bar", "false"),
    *("--trainer.enable_model_summary", "false", "--trainer.limit_train_batches", "2"),
    *("--trainer.limit_val_batches", "1", "--trainer.max_epochs", "1"),
    *("--trainer.callbacks", "[]", "--trainer.logger", "false", "--run_folder", "run"),
)


@pytest.mark.parametrize(
    ("arguments", "file"),
    [
        (("simple",), None),
        (("SimpleProfiler", "--trainer.profiler.filename", "times"), "fit-times.txt"),
    ],
)
@pytest.mark.filterwarnings("ignore")  # of W&B
def test_times_of_a_training(
    arguments: tuple[str, ...],
    file: str | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["train.py"])
    train.main(["fit", "--config", CONFIG, *TINY, "--trainer.profiler", *arguments])
    report = caplog.text if file is None else (tmp_path / "run" / file).read_text()
    assert "run_training_batch" in report
    assert "val_next" in report


class ProfilerRecorder(Callback):
    """Records the profiler of a training."""

    seen: ClassVar[Profiler]

    def on_train_start(self, trainer: Trainer, *_: object) -> None:
        type(self).seen = trainer.profiler


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [((), NoProfiler), (("--trainer.profiler", "simple"), SimpleProfiler)],
)
@pytest.mark.filterwarnings("ignore")  # of W&B
def test_the_profiler_of_a_training(
    arguments: tuple[str, ...], kind: type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["train.py"])
    watching = ("--trainer.callbacks+", f"{__name__}.{ProfilerRecorder.__name__}")
    train.main(["fit", "--config", CONFIG, *TINY, *watching, *arguments])
    assert type(ProfilerRecorder.seen) is kind
