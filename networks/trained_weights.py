"""Weights that come with the repository, each file with a record of its SHA-256."""

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from networks.feature_classifier import Data, FeatureClassifier, Role, untrained_classifier

__all__ = ["WEIGHTS", "load_classifier", "training_record", "write_classifier"]

WEIGHTS = Path(__file__).parent / "weights"
_POINTER = b"version https://git-lfs"  # first bytes of a file in Git LFS that is not fetched


def training_record(data: Data, role: Role, folder: Path = WEIGHTS) -> dict[str, Any]:
    """Returns a network's data, seed, epochs, test accuracy, versions and SHA-256.

    Raises:
        FileNotFoundError: if there is no record.
    """
    path = folder / f"{data}-{role}.json"
    if not path.is_file():
        raise FileNotFoundError(
            f"'{path}' must record a trained network, but is missing; {_remedy()}"
        )
    return json.loads(path.read_text())


def load_classifier(data: Data, role: Role, folder: Path = WEIGHTS) -> FeatureClassifier:
    """Returns a trained network in evaluation mode; checks its file against the record.

    Raises:
        FileNotFoundError: if the file or its record is missing.
        RuntimeError: if the file is a pointer of Git LFS, or its SHA-256 is not the recorded one.
    """
    digest = training_record(data, role, folder)["sha256"]
    path = folder / f"{data}-{role}.pt"
    if not path.is_file():
        raise FileNotFoundError(f"'{path}' must hold weights, but is missing; {_remedy()}")
    content = path.read_bytes()
    if content.startswith(_POINTER):
        raise RuntimeError(
            f"'{path}' must hold weights, got a pointer of Git LFS; run `git lfs pull`."
        )
    actual = hashlib.sha256(content).hexdigest()
    if actual != digest:
        raise RuntimeError(
            f"'{path}' must have the SHA-256 {digest[:12]}... of its record, got {actual[:12]}...; "
            f"{_remedy()}"
        )
    stored = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    with torch.device("meta"):  # no initial weights: the global generator does not advance
        network = untrained_classifier(data, role)
    network.load_state_dict(
        {n: t.float() if t.is_floating_point() else t for n, t in stored.items()}, assign=True
    )
    return network.eval()


def write_classifier(network: FeatureClassifier, path: Path) -> str:
    """Writes weights, matrices and kernels as float16; returns the SHA-256 of the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    torch.save({name: _stored(tensor) for name, tensor in network.state_dict().items()}, buffer)
    path.write_bytes(buffer.getvalue())
    return hashlib.sha256(buffer.getvalue()).hexdigest()


def _stored(tensor: Tensor) -> Tensor:
    # matrices and kernels are large but in the range of float16; statistics may leave it
    is_kernel = tensor.ndim in (2, 4)
    return tensor.contiguous().half() if is_kernel else tensor.contiguous().clone()


def _remedy() -> str:
    return (
        "restore it with `git checkout -- networks/weights` or train it with "
        "`python -m benchmarks.train_feature_network`."
    )
