"""A sampler named by its class: in a run's YAML, in its config.yaml, and in `sample`."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

import train
from hawc import DatabaseHistory, HistoryAwareSampler, SobolSampler, StandardNormal
from hawc.kernels import Quotient
from hawc.samplers.seeding import generator_at
from tests.mistakes import BASE

# a package of a user, in the working folder
OWN = """
import torch
from hawc.samplers import AbstractSampler


class Antithetic(AbstractSampler):
    def __init__(self, target, scale: float = 1.0):
        super().__init__(target)
        self.scale = scale

    def choose(self, n, past, generator, previous=None):
        half = self.scale * self.target.sample(n // 2, generator=generator)
        return torch.cat([half, -half])
"""
SHORT = (
    *("--trainer.logger", "false", "--trainer.enable_progress_bar", "false"),
    *("--trainer.accelerator", "cpu", "--trainer.enable_model_summary", "false"),
    *("--trainer.limit_train_batches", "2", "--trainer.limit_val_batches", "0"),
)
PRIOR = StandardNormal(8)


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "own_samplers"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "antithetic.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["train.py"])
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    for name in ("own_samplers", "own_samplers.antithetic"):
        monkeypatch.delitem(sys.modules, name, raising=False)


def config(sampler: Any) -> str:
    """Writes a configuration whose only callback samples four latents an epoch."""
    arguments = {"num_samples": 4, "sampler": sampler}
    callback = {"class_path": "HistoryAwareSampling", "init_args": arguments}
    Path("own.yaml").write_text(yaml.safe_dump({"trainer": {"callbacks": [callback]}}))
    return "own.yaml"


def fit(folder: str, *arguments: str, epochs: int = 1) -> torch.Tensor:
    """Returns all latents in the history of the run's last checkpoint."""
    train.main([*arguments, *SHORT, "--run_folder", folder, "--trainer.max_epochs", str(epochs)])
    checkpoint = torch.load(f"{folder}/checkpoints/last.ckpt", weights_only=True)
    points: torch.Tensor = checkpoint["callbacks"]["HistoryAwareSampling"]["points"]
    return points


def written(folder: str) -> Any:
    """Returns what config.yaml says of the sampler."""
    content = yaml.safe_load(Path(folder, "config.yaml").read_text())
    return content["trainer"]["callbacks"][0]["init_args"]["sampler"]


def test_arguments_of_the_default_class() -> None:
    option = ("--trainer.callbacks", "HistoryAwareSampling", "--trainer.callbacks.num_samples", "4")
    window = "--trainer.callbacks.sampler.window=0"
    kernel = "--trainer.callbacks.sampler.kernel=hawc.kernels.Quotient"
    latents = fit("run", *BASE, *option, window, kernel, epochs=2)
    sampler = HistoryAwareSampler(PRIOR, window=0, kernel=Quotient())
    expected = [sampler.sample(4, generator=generator_at(0, length)) for length in (0, 4)]
    assert torch.equal(latents, torch.cat(expected))
    assert written("run")["class_path"] == "hawc.HistoryAwareSampler"
    assert written("run")["init_args"]["window"] == 0


def test_another_class() -> None:
    sobol = {"class_path": "hawc.SobolSampler", "init_args": {"seed": 3}}
    latents = fit("run", *BASE, "--config", config(sobol), epochs=2)
    expected = SobolSampler(PRIOR, seed=3).choose(8, torch.empty(0, 8), torch.Generator())
    assert torch.equal(latents, expected)


def test_a_class_of_the_user_from_the_configuration_to_samples() -> None:
    own = {"class_path": "own_samplers.antithetic.Antithetic", "init_args": {"scale": 0.5}}
    whole = fit("whole", *BASE, "--config", config(own), epochs=2)
    for start in (0, 4):
        half = 0.5 * PRIOR.sample(2, generator=generator_at(0, start))
        assert torch.equal(whole[start : start + 4], torch.cat([half, -half]))
    assert written("whole")["class_path"] == "own_samplers.antithetic.Antithetic"
    assert written("whole")["init_args"]["scale"] == 0.5
    # config.yaml of a run names the sampler; a resumed run goes on with it
    fit("first", "--config", "whole/config.yaml")
    last = ("--ckpt_path", "first/checkpoints/last.ckpt")
    assert torch.equal(fit("second", "--config", "first/config.yaml", *last, epochs=2), whole)
    train.main(
        [
            *("sample", "--config", "whole/config.yaml", *last, "--num_samples", "4"),
            *("--trainer.accelerator", "cpu", "--trainer.enable_progress_bar", "false"),
            *("--sampler", own["class_path"], "--sampler.scale", "2", "--output", "out"),
            *("--history", "sqlite:///gallery.db", "--create", "true"),
        ]
    )
    half = 2 * PRIOR.sample(2, generator=generator_at(0, 0))
    recorded = DatabaseHistory("sqlite:///gallery.db", PRIOR, create=True).points()
    assert torch.equal(recorded, torch.cat([half, -half]))
    manifest = json.loads(Path("out/manifest.json").read_text())
    assert manifest["sampler"] == {"class_path": own["class_path"], "init_args": {"scale": 2.0}}


def test_the_metrics_of_a_class_of_the_user() -> None:
    class_path = "own_samplers.antithetic.Antithetic"
    quality = (
        *("--trainer.callbacks", "GenerationQuality", "--trainer.callbacks.num_samples", "8"),
        *("--trainer.callbacks.metrics", "{}", "--trainer.callbacks.table_size", "4"),
        *("--trainer.callbacks.sampler", class_path),
    )
    train.main([*BASE, *quality, *SHORT, "--run_folder", "run", "--trainer.max_epochs", "1"])
    assert written("run") == {"class_path": class_path, "init_args": {"scale": 1.0}}
    assert Path("run/images/epoch-0001-nearest.png").exists()
