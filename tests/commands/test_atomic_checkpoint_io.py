"""A save that fails leaves the earlier checkpoint, and nothing half-written beside it."""

from pathlib import Path

import pytest
import torch
from lightning.pytorch.plugins import TorchCheckpointIO

from commands.atomic_checkpoint_io import AtomicCheckpointIO


def test_saves_and_replaces(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "last.ckpt"
    for number in (1, 2):
        AtomicCheckpointIO().save_checkpoint({"number": number}, path)
        assert torch.load(path, weights_only=True) == {"number": number}
    assert [item.name for item in path.parent.iterdir()] == ["last.ckpt"]


def test_a_failed_save_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "last.ckpt"
    AtomicCheckpointIO().save_checkpoint({"number": 1}, path)

    def full(self: object, checkpoint: object, path: str, storage_options: object) -> None:
        Path(path).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(TorchCheckpointIO, "save_checkpoint", full)
    with pytest.raises(OSError, match="No space left"):
        AtomicCheckpointIO().save_checkpoint({"number": 2}, path)
    assert torch.load(path, weights_only=True) == {"number": 1}
    assert [item.name for item in tmp_path.iterdir()] == ["last.ckpt"]
