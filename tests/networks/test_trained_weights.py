"""Weights are read only if their SHA-256 is the recorded one; messages name the remedy."""

import json
import os
from pathlib import Path

import pytest
import torch

from networks.feature_classifier import untrained_classifier
from networks.trained_weights import WEIGHTS, load_classifier, training_record, write_classifier

NAME = "digits-judging"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Weights of an untrained network, and their record."""
    network = untrained_classifier("digits", "judging")
    digest = write_classifier(network, tmp_path / "new" / f"{NAME}.pt")
    (tmp_path / "new" / f"{NAME}.json").write_text(json.dumps({"sha256": digest}))
    return tmp_path / "new"


def test_written_weights_are_read_up_to_rounding(folder: Path) -> None:
    torch.manual_seed(0)
    network = untrained_classifier("digits", "judging")
    network.pixel_std.fill_(1e-9)  # float16 would make it 0
    digest = write_classifier(network, folder / f"{NAME}.pt")
    (folder / f"{NAME}.json").write_text(json.dumps({"sha256": digest}))
    state = torch.random.get_rng_state()
    read = load_classifier("digits", "judging", folder)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert not read.training
    for name, tensor in network.state_dict().items():
        stored = read.state_dict()[name]
        assert stored.dtype == tensor.dtype
        if tensor.ndim in (2, 4):
            # float16 has eleven binary digits, and 6e-8 is its smallest number
            assert torch.allclose(stored, tensor, rtol=2**-11, atol=6e-8)
        else:
            assert torch.equal(stored, tensor)
    assert write_classifier(read, folder / "again.pt") == digest


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / f"{NAME}.pt").unlink()
    with pytest.raises(FileNotFoundError, match=r"digits-judging.pt' must hold weights, .*`git ch"):
        load_classifier("digits", "judging", folder)
    (folder / f"{NAME}.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"digits-judging.json' must record .*`python -m b"):
        training_record("digits", "judging", folder)


def test_a_damaged_file_is_refused(folder: Path) -> None:
    path = folder / f"{NAME}.pt"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(RuntimeError, match=r"must have the SHA-256 .* of its record, got .*; re"):
        load_classifier("digits", "judging", folder)


def test_a_pointer_of_git_lfs_is_recognised(folder: Path) -> None:
    (folder / f"{NAME}.pt").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    with pytest.raises(RuntimeError, match=r"got a pointer of Git LFS; run `git lfs pull`"):
        load_classifier("digits", "judging", folder)


@pytest.mark.parametrize("role", ["choosing", "judging"])
@pytest.mark.parametrize("data", ["digits", "clothes", "objects"])
def test_shipped_files_are_small_and_load_from_any_working_folder(
    data: str, role: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    load_classifier(data, role)
    assert os.path.getsize(WEIGHTS / f"{data}-{role}.pt") < 2e6
    record = training_record(data, role)
    assert record["test_accuracy"] > {"digits": 0.992, "clothes": 0.89, "objects": 0.8}[data]
    assert {"data", "epochs", "seed", "torch", "date", "sha256"} <= set(record)
