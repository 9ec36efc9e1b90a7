"""What a run leaves is found and read again: its configuration, its checkpoints, its gallery."""

import json
import sys
from pathlib import Path

import pytest
import wandb
import yaml
from lightning import Callback, Trainer

import train
from hawc.history import galleries
from tests.integration.test_job_restarts import EXPERIMENT
from tests.wandb_file import read_artifacts

OWN = {
    "class_path": "ModelCheckpoint",
    "init_args": {
        **{"monitor": "val/loss", "filename": "{epoch}-{val/loss:.1f}"},
        **{"save_top_k": -1, "auto_insert_metric_name": True},
    },
}
AVERAGING = {"class_path": "StochasticWeightAveraging", "init_args": {"swa_lrs": 0.1}}


class Growing(Callback):
    """Lets the loss grow from the second epoch on."""

    def on_train_epoch_start(self, trainer: Trainer, *_: object) -> None:
        if trainer.current_epoch >= 1:
            trainer.lightning_module.decoder[0].weight.data *= 30


@pytest.fixture(autouse=True)
def experiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["a notebook", "-f", "x.json"])
    Path("tiny.yaml").write_text(yaml.safe_dump(EXPERIMENT))


def fit(*options: str) -> Path:
    train.main(["--config", "tiny.yaml", *options])
    return max(Path("runs/tiny").iterdir(), key=lambda folder: folder.stat().st_mtime_ns)


def test_checkpoints_in_sub_folders_have_one_gallery_and_a_last_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = fit("--trainer.callbacks", json.dumps([OWN]))
    first, second = sorted(run.rglob("*.ckpt"))
    assert first.parent.parent == run / "checkpoints"
    for place, file in enumerate((first, second)):
        train.main(
            [
                *("sample", "--config", f"{run}/config.yaml", "--ckpt_path", str(file)),
                *("--num_samples", "4", "--output", f"out{place}"),
            ]
        )
    ids = [
        [
            sample["id"]
            for sample in json.loads(Path(f"out{i}/manifest.json").read_text())["samples"]
        ]
        for i in (0, 1)
    ]
    assert ids == [[0, 1, 2, 3], [4, 5, 6, 7]]
    (gallery,) = galleries(f"sqlite:///{run}/gallery.db")
    assert gallery.length == 8
    assert [path.parent for path in Path().rglob("*.db")] == [run]
    train.main(["export", str(run), "--program", "false"])
    assert (run / "export" / "generator.safetensors").exists()
    capsys.readouterr()
    fit("--ckpt_path", "last", "--trainer.max_epochs", "3")
    assert f"starting from: {second}" in capsys.readouterr().out
    assert sys.argv == ["a notebook", "-f", "x.json"]


def test_a_configuration_with_a_device_runs_again() -> None:
    run = fit("--trainer.callbacks", json.dumps([AVERAGING]))
    written = (run / "config.yaml").read_text()
    assert "device: cpu" in written
    train.main(["--config", f"{run}/config.yaml", "--run_folder", "again"])
    assert Path("again/config.yaml").read_text() == written


def test_the_best_artifact_of_wandb_is_that_of_the_best_epoch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    wandb.teardown()  # its service keeps the settings of the test that started it
    growing = [{"class_path": "tests.integration.test_read_back.Growing"}]
    run = fit(
        *("--trainer.callbacks", json.dumps(growing), "--trainer.max_epochs", "3"),
        *("--trainer.logger", "WandbLogger", "--trainer.logger.log_model", "all"),
    )
    (folder,) = (run / "wandb").glob("offline-run-*")
    artifacts = read_artifacts(folder)
    assert [name for name, aliases in artifacts if "best" in aliases] == ["best.ckpt"]
    assert [name for name, _ in artifacts].count("last.ckpt") == 3
