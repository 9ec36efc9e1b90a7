"""A save that fails leaves the earlier checkpoint; reading runs no code."""

import os
import pickle
import resource
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.plugins import TorchCheckpointIO

from commands.trainer.atomic_checkpoint_io import AtomicCheckpointIO


def test_saves_and_replaces(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "last.ckpt"
    for number in (1, 2):
        AtomicCheckpointIO().save_checkpoint({"number": number}, path)
        assert torch.load(path, weights_only=True) == {"number": number}
        assert AtomicCheckpointIO().load_checkpoint(path) == {"number": number}
    assert [file.name for file in path.parent.iterdir()] == ["last.ckpt"]


def save_two(path: Path, error: type[BaseException], message: str | None) -> None:
    """Saves a second time, which fails and changes nothing."""
    with pytest.raises(error, match=message):
        AtomicCheckpointIO().save_checkpoint({"number": 2}, path)
    assert torch.load(path, weights_only=True) == {"number": 1}
    assert [file.name for file in path.parent.iterdir()] == ["last.ckpt"]


def test_a_limit_of_the_disk_changes_nothing_and_is_named(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    AtomicCheckpointIO().save_checkpoint({"number": 1}, path)
    _, hard = limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
        save_two(path, OSError, r"File too large: '.*last\.ckpt'$")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_an_interruption_changes_nothing(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "last.ckpt"
    AtomicCheckpointIO().save_checkpoint({"number": 1}, path)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, step, interrupt)
    save_two(path, KeyboardInterrupt, None)


def test_a_content_that_cannot_be_saved_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    AtomicCheckpointIO().save_checkpoint({"number": 1}, path)
    with pytest.raises((pickle.PicklingError, AttributeError), match="lambda"):
        AtomicCheckpointIO().save_checkpoint({"number": lambda: 2}, path)
    assert [file.name for file in tmp_path.iterdir()] == ["last.ckpt"]


def test_an_object_store_is_left_to_lightning(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(
        TorchCheckpointIO, "save_checkpoint", lambda self, *given: seen.append(given)
    )
    AtomicCheckpointIO().save_checkpoint({}, "s3://bucket/last.ckpt")
    AtomicCheckpointIO().save_checkpoint({}, "last.ckpt", {"option": 1})
    assert seen == [({}, "s3://bucket/last.ckpt", None), ({}, "last.ckpt", {"option": 1})]


class CreatesFile:
    """Runs code when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self._path),)


@pytest.mark.parametrize("weights_only", [None, False, True])
def test_no_code_is_run(weights_only: bool | None, tmp_path: Path) -> None:
    path, created = tmp_path / "last.ckpt", tmp_path / "created"
    torch.save({"state_dict": {}, "loops": CreatesFile(created)}, path)
    with pytest.raises(ValueError, match="cannot be read as a checkpoint"):
        AtomicCheckpointIO().load_checkpoint(path, weights_only=weights_only)
    assert not created.exists()
    torch.load(path, weights_only=False)  # the file does run code
    assert created.exists()


def test_tensors_are_copies_that_outlive_the_file(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    weight = torch.arange(3.0)
    AtomicCheckpointIO().save_checkpoint({"a": weight, "b": weight}, path)
    loaded = AtomicCheckpointIO().load_checkpoint(path)
    path.write_bytes(bytes(path.stat().st_size))
    assert torch.equal(loaded["a"], weight)
    assert loaded["a"].data_ptr() == loaded["b"].data_ptr()
