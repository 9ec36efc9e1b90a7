"""Decoding in each process: in eval mode, in the trainer's precision, finite images only."""

import os
import signal
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Trainer
from torch import nn

from commands.errors import UsageError
from commands.sample.decoding import write_missing_samples
from commands.sample.folder import SampleFolder
from commands.sample.run import SampleRun
from hawc import DatabaseHistory, IndependentSampler, StandardNormal
from lightning_modules import EnergyVAE
from tests.commands.sample.test_folder import DESCRIPTION
from tests.helpers import TINY_SHAPE, quiet_trainer, tiny_encoder, tiny_energy_vae


@pytest.fixture
def run(tmp_path: Path) -> SampleRun:
    history = DatabaseHistory(f"sqlite:///{tmp_path}/gallery.db", StandardNormal(2), create=True)
    sampler = IndependentSampler(StandardNormal(2), history)
    return SampleRun(SampleFolder(tmp_path / "out", DESCRIPTION), sampler, 5, 3, 0)


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed", "64-true"])
def test_images_and_manifest_are_written(precision: str, run: SampleRun, tmp_path: Path) -> None:
    model = tiny_energy_vae()
    write_missing_samples(quiet_trainer(tmp_path, precision=precision), model, run)
    assert [path.name for path in sorted(run.folder.path.glob("*.png"))] == [
        f"{i:08d}.png" for i in range(5)
    ]
    assert run.folder.ids == list(range(5))
    assert run.history.points().shape == (5, 2)


def test_table_rows_stay_in_the_manifest(run: SampleRun, tmp_path: Path) -> None:
    model = EnergyVAE((3,), 2, tiny_encoder, lambda shape, dim: nn.Linear(dim, *shape))
    write_missing_samples(quiet_trainer(tmp_path), model, run)
    entries = list(run.folder.entries())
    latents = torch.tensor([entry["latent"] for entry in entries])
    values = torch.tensor([entry["values"] for entry in entries])
    with torch.no_grad():
        # decoded in batches of 3 and 2 there, of 5 here
        assert torch.allclose(values, model.decode(latents), atol=1e-6)
    assert list(run.folder.path.glob("*.png")) == []


def test_weights_that_decode_to_nan_are_refused_before_anything_is_recorded(
    run: SampleRun, tmp_path: Path
) -> None:
    model = tiny_energy_vae()
    nn.init.constant_(next(model.decoder.parameters()), float("nan"))
    with pytest.raises(UsageError, match=r"`ckpt_path` must hold weights that decode to finite v"):
        write_missing_samples(quiet_trainer(tmp_path), model, run)
    assert len(run.history) == 0


def test_samples_that_are_nan_are_not_written(run: SampleRun, tmp_path: Path) -> None:
    def spoil_the_second_chunk(*given: Any) -> torch.Tensor | None:
        decoded: torch.Tensor = given[-1]
        return decoded * torch.nan if next(calls) == 2 else None  # call 0 checks the weights

    calls, model = count(), tiny_energy_vae()
    model.decoder.register_forward_hook(spoil_the_second_chunk)
    with pytest.raises(UsageError, match=r"`ckpt_path` must hold weights that decode to finite v"):
        write_missing_samples(quiet_trainer(tmp_path), model, run)
    assert run.folder.ids == [0, 1, 2]
    assert len(list(run.folder.path.glob("*.png"))) == 3


def test_batch_norm_and_dropout_are_not_modified(run: SampleRun, tmp_path: Path) -> None:
    def decoder(shape: tuple[int, ...], dim: int) -> nn.Module:
        layers = (nn.Linear(dim, 64), nn.BatchNorm1d(64), nn.Dropout(), nn.Unflatten(1, TINY_SHAPE))
        return nn.Sequential(*layers)

    model = EnergyVAE(TINY_SHAPE, 2, tiny_encoder, decoder)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    write_missing_samples(quiet_trainer(tmp_path), model, run)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_sigterm_ends_the_command_at_once(run: SampleRun, tmp_path: Path) -> None:
    def end_in_the_second_chunk(*_: object) -> None:
        if next(calls) == 2:  # call 0 checks the weights
            os.kill(os.getpid(), signal.SIGTERM)

    calls, model, before = count(), tiny_energy_vae(), signal.getsignal(signal.SIGTERM)
    model.decoder.register_forward_hook(end_in_the_second_chunk)
    with pytest.raises(SystemExit) as ended:
        write_missing_samples(quiet_trainer(tmp_path), model, run)
    assert ended.value.code == 128 + signal.SIGTERM
    assert run.folder.ids == [0, 1, 2]
    assert signal.getsignal(signal.SIGTERM) == before


class Launcher:
    """Starts no process; records the signals that it should pass on."""

    def __init__(self) -> None:
        self.killed_by: list[int] = []

    def launch(self, function: Callable[..., Any], *given: Any, trainer: Trainer) -> Any:
        return function(*given)

    def kill(self, number: int) -> None:
        self.killed_by.append(number)


def test_processes_that_the_command_has_started_end_with_it(
    run: SampleRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end(*_: object) -> None:
        if next(calls) == 1:
            os.kill(os.getpid(), signal.SIGTERM)

    calls, model, launcher = count(), tiny_energy_vae(), Launcher()
    model.decoder.register_forward_hook(end)
    trainer = quiet_trainer(tmp_path)
    monkeypatch.setattr(type(trainer.strategy), "launcher", launcher)
    with pytest.raises(SystemExit):
        write_missing_samples(trainer, model, run)
    assert launcher.killed_by[0] == signal.SIGTERM
