"""Trained models and their data, from what a run left in its folder."""

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
        """The experiment's."""
        return str(self.config["name"])

    @property
    def config(self) -> dict[str, Any]:
        """The resolved configuration."""
        return yaml.safe_load((self.folder / "config.yaml").read_text())

    @property
    def machine(self) -> str:
        """Where it was trained; empty for a run that did not note it."""
        file = self.folder / "machine.yaml"
        if not file.exists():
            return ""
        noted = yaml.safe_load(file.read_text())
        threads = f"{noted['threads']} thread{'s' if noted['threads'] > 1 else ''}"
        where = threads if noted["device"] == "cpu" else noted["device"]
        return where if noted["processes"] == 1 else f"{noted['processes']} x {where}"

    @property
    def epochs(self) -> int:
        """How many epochs the checkpoint was trained."""
        # Lightning counts the epoch at whose end it was saved from 0
        return int(self._checkpoint()["epoch"]) + 1

    @property
    def digest(self) -> str:
        """The SHA-256 of the checkpoint, in hexadecimal digits."""
        return hashlib.sha256(self._path.read_bytes()).hexdigest()

    def model(self) -> Any:
        """Returns the model with its weights, in evaluation mode."""
        return self._class().load_from_checkpoint(self._path, map_location="cpu").eval()

    def averaged(self) -> Any | None:
        """Returns the model with the average of its generator's weights; None if none was kept."""
        if "GeneratorEMA" not in self._checkpoint()["callbacks"]:
            return None
        model = self.model()
        load_average(self._path, model)
        return model

    def untrained(self) -> Any:
        """Returns the model with fresh weights, in evaluation mode."""
        torch.manual_seed(self.config["seed_everything"])
        file = io.BytesIO()
        torch.save({**self._checkpoint(), "state_dict": {}}, file)
        file.seek(0)
        return self._class().load_from_checkpoint(file, map_location="cpu", strict=False).eval()

    def data(self, data_dir: str | None = None) -> LightningDataModule:
        """Returns the data it was trained on, with the test set read.

        Args:
            data_dir: in place of the configured one, where the data have such a folder; those that
                are named by `path` are read from there.
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
        """Returns the median of what metrics.csv has under that name; None if it has nothing."""
        with (self.folder / "metrics.csv").open() as file:
            values = [float(row[metric]) for row in csv.DictReader(file) if row.get(metric)]
        return statistics.median(values) if values else None

    def _class(self) -> type[LightningModule]:
        found: type[LightningModule] = getattr(lightning_modules, _class_name(self.config["model"]))
        return found

    @property
    def _path(self) -> Path:
        return self.folder / "checkpoints" / "last.ckpt"

    def _checkpoint(self) -> dict[str, Any]:
        return torch.load(self._path, map_location="cpu", weights_only=True, mmap=True)


def _class_name(configured: dict[str, Any]) -> str:
    return str(configured["class_path"]).rpartition(".")[2]
