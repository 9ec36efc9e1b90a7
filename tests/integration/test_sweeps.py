"""Every W&B sweep starts train.py as W&B's agent would, with values of its own."""

import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

import train
from tests.datamodules.idx_files import write_pairs

ROOT = Path(__file__).parents[2]
SWEEPS = sorted((ROOT / "configs" / "sweeps").glob("*.yaml"))
FEW_STEPS = (
    *("--trainer.max_epochs", "1", "--trainer.limit_train_batches", "2"),
    *("--trainer.limit_val_batches", "1", "--trainer.accelerator", "cpu"),
    *("--trainer.enable_progress_bar", "false", "--trainer.enable_model_summary", "false"),
    *("--trainer.callbacks", "null"),
)


def command(sweep: dict[str, Any], values: dict[str, Any]) -> list[str]:
    """Returns what the agent starts, after `python train.py`."""
    words = list(sweep["command"])
    assert words[:3] == ["${env}", "python", "${program}"]
    assert words[-1] == "${args}"
    return [*words[3:-1], *(f"--{name}={value}" for name, value in values.items())]


@pytest.mark.parametrize("path", SWEEPS, ids=lambda path: path.stem)
def test_sweep_trains(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = yaml.safe_load(path.read_text())
    assert sweep["program"] == "train.py"
    parameters = sweep["parameters"]
    values = {
        name: p["values"][-1] if "values" in p else p["max"] for name, p in parameters.items()
    }
    write_pairs(tmp_path / "data" / "MNIST" / "raw", n=500)
    monkeypatch.setenv("HAWC_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "argv", ["train.py"])
    folder = tmp_path / "run"
    train.main([*command(sweep, values), *FEW_STEPS, "--run_folder", str(folder)])
    config = yaml.safe_load((folder / "config.yaml").read_text())
    for name, value in values.items():
        place = config["model"]["init_args"]
        for key in name.split(".")[1:]:
            place = place["init_args"] if key not in place else place
            place = place[key]
        assert place == pytest.approx(value)
    if "metric" in sweep:
        logged = (folder / "metrics.csv").read_text().partition("\n")[0].split(",")
        assert sweep["metric"]["name"] in logged
