"""Data modules of users, from the command line: refused in one line, or used unchanged.

Every kind of batch that is refused: tests/commands/run/test_batch_checks.py.
"""

import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import train
from commands import experiment
from tests.mistakes import BASE, Mistake, check_refusal, each_mistake

MODULE = """
import torch
from lightning import LightningDataModule
from torch.utils.data import DataLoader, TensorDataset


class NoShape(LightningDataModule):
    def __init__(self, low: float = 0.0, keys: bool = False, n: int = 24, num_workers: int = 0):
        super().__init__()
        images = torch.rand(n, 1, 28, 28, generator=torch.Generator().manual_seed(0))
        self.images, self.keys = low + (1 - low) * images, keys
        self.more = {"num_workers": num_workers, "persistent_workers": num_workers > 0}

    def train_dataloader(self):
        assert self.trainer.world_size == 1
        data = TensorDataset(self.images, torch.zeros(len(self.images)))
        if self.keys:
            data = [{"image": image} for image in self.images]
        return DataLoader(data, 8, shuffle=True, drop_last=True, **self.more)


class Own(NoShape):
    image_shape = (1, 28, 28)


class Method(NoShape):
    def image_shape(self):
        return (1, 28, 28)


class Wrong(NoShape):
    @property
    def image_shape(self):
        return (self.depth, 28, 28)
"""
OWN = (*BASE, "--data", "foreign.Own")
START = r"`data` must serve EnergyVAE batches \(images, labels\) with float32 images in \[0, 1\] of"
TABLE: list[Mistake] = [
    ("dict", (*OWN, "--data.keys", "true"), f"{START} .* got a dict with the keys image from Own"),
    ("signed", (*OWN, "--data.low", "-1"), f"{START} .* got values from -.* leave out the normali"),
    ("no whole batch", (*OWN, "--data.n", "7"), "`data` must serve at least one batch for trai"),
    (
        "a method",
        (*BASE, "--data", "foreign.Method"),
        "`image_shape` must be a property .*, got a method of Method; write @property above it",
    ),
    (
        "no image_shape",
        (*BASE, "--data", "foreign.NoShape"),
        r"`image_shape` must be positive integers, .*, got None; the data module must know it",
    ),
]


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a user's module on the path."""
    (tmp_path / "foreign.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.delitem(sys.modules, "foreign", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@each_mistake(TABLE)
def test_one_plain_line_and_nothing_written(
    mistake: Mistake,
    workplace: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    check_refusal(mistake, workplace, monkeypatch, capfd)


def test_an_error_in_image_shape_is_shown(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["train.py"])
    with pytest.raises(AttributeError, match="no attribute 'depth'"):
        train.main([*BASE, "--data", "foreign.Wrong"])


def trained(folder: str, *more: str) -> dict[str, Any]:
    """Returns the weights after two epochs of three batches."""
    quiet = ("--trainer.logger", "false", "--trainer.enable_progress_bar", "false")
    short = ("--trainer.max_epochs", "2", "--trainer.accelerator", "cpu", "--run_folder", folder)
    train.main([*OWN, "--trainer.callbacks", "[]", *quiet, *short, *more])
    checkpoint = torch.load(f"{folder}/checkpoints/last.ckpt", weights_only=True)
    assert checkpoint["global_step"] == 6
    weights: dict[str, Any] = checkpoint["state_dict"]
    return weights


@pytest.mark.parametrize("num_workers", ["0", "2"])
def test_checking_batches_does_not_change_the_training(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, num_workers: str
) -> None:
    monkeypatch.setattr(sys, "argv", ["train.py"])
    seen = trained("seen", "--data.num_workers", num_workers)
    monkeypatch.setattr(experiment, "check_batches", lambda *_: None)
    unseen = trained("unseen", "--data.num_workers", num_workers)
    assert all(torch.equal(weights, unseen[name]) for name, weights in seen.items())
