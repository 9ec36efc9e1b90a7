"""Trained models and their data, from the files of a run folder."""

import csv
import hashlib
import inspect
import io
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import torch
import yaml
from lightning import LightningDataModule, LightningModule

import datamodules
import lightning_modules
from commands.run.checkpoints import load_average

__all__ = ["TrainedRun"]


@final
@dataclass(frozen=True)
class TrainedRun:
    """A run folder with checkpoints/last.ckpt, config.yaml and metrics.csv.

    Args:
        folder: runs/<name>/<time>.
    """

    folder: Path

    @property
    def name(self) -> str:
        """The name of the experiment."""
        return str(self.config["name"])

    @property
    def config(self) -> dict[str, Any]:
        """The resolved configuration."""
        return yaml.safe_load((self.folder / "config.yaml").read_text())

    @property
    def machine(self) -> str:
        """The threads or device of the training; empty for a run without machine.yaml."""
        file = self.folder / "machine.yaml"
        if not file.exists():
            return ""
        machine = yaml.safe_load(file.read_text())
        threads = f"{machine['threads']} thread{'s' if machine['threads'] > 1 else ''}"
        device = threads if machine["device"] == "cpu" else machine["device"]
        return device if machine["processes"] == 1 else f"{machine['processes']} x {device}"

    @property
    def epochs(self) -> int:
        """The number of trained epochs of the checkpoint."""
        # Lightning counts epochs from 0
        return int(self._checkpoint()["epoch"]) + 1

    @property
    def digest(self) -> str:
        """The SHA-256 of the checkpoint, in hexadecimal digits."""
        return hashlib.sha256(self._path.read_bytes()).hexdigest()

    def model(self) -> Any:
        """Returns the model with its weights, in evaluation mode."""
        return self._class().load_from_checkpoint(self._path, map_location="cpu").eval()

    def averaged(self) -> Any | None:
        """Returns the model with averaged generator weights; None if the run has none."""
        if "GeneratorEMA" not in self._checkpoint()["callbacks"]:
            return None
        model = self.model()
        load_average(self._path, model)
        return model

    def untrained(self) -> Any:
        """Returns the model with initial weights, in evaluation mode."""
        torch.manual_seed(self.config["seed_everything"])
        file = io.BytesIO()
        torch.save({**self._checkpoint(), "state_dict": {}}, file)
        file.seek(0)
        return self._class().load_from_checkpoint(file, map_location="cpu", strict=False).eval()

    def data(self, data_dir: str | None = None) -> LightningDataModule:
        """Returns the data module of the training with its test set.

        Args:
            data_dir: replaces the configured folder if the data module has this argument; one with
                a `path` ignores it.
        """
        settings = dict(self.config["data"].get("init_args", {}))
        data_class = getattr(datamodules, _class_name(self.config["data"]))
        if data_dir is not None and "data_dir" in inspect.signature(data_class).parameters:
            settings["data_dir"] = data_dir
        data = data_class(**settings)
        data.prepare_data()
        data.setup("test")
        return data

    def median(self, metric: str) -> float | None:
        """Returns the median of a metric in metrics.csv; None if it has no values."""
        with (self.folder / "metrics.csv").open() as file:
            values = [float(row[metric]) for row in csv.DictReader(file) if row.get(metric)]
        return statistics.median(values) if values else None

    def _class(self) -> type[LightningModule]:
        model_class: type[LightningModule] = getattr(
            lightning_modules, _class_name(self.config["model"])
        )
        return model_class

    @property
    def _path(self) -> Path:
        return self.folder / "checkpoints" / "last.ckpt"

    def _checkpoint(self) -> dict[str, Any]:
        return torch.load(self._path, map_location="cpu", weights_only=True, mmap=True)


def _class_name(configured: dict[str, Any]) -> str:
    return str(configured["class_path"]).rpartition(".")[2]
