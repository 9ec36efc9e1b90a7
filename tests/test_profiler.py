"""`--trainer.profiler`: where the time goes, on the screen or in the run's folder."""

import sys
from pathlib import Path

import pytest

import train

CONFIG = str(Path(__file__).parent.parent / "configs" / "energy_vae_mnist5k.yaml")
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
