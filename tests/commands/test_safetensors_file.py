"""Files that others read: by the format's description, and by its library where there is one."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from commands.safetensors_file import safetensors_bytes
from tests.safetensors_reader import read_safetensors

TENSORS: dict[str, Tensor] = {
    "scalar": torch.tensor(7),
    "transposed": torch.arange(6.0).reshape(2, 3).T,
    "empty": torch.zeros(0, 3),
    "half": torch.tensor([1.5, -2.0], dtype=torch.float16),
    "brain": torch.tensor([1.5, -2.0, 3.0], dtype=torch.bfloat16),
    "double": torch.tensor([torch.pi], dtype=torch.float64),
    "flags": torch.tensor([True, False, True]),
    "bytes": torch.arange(256).to(torch.uint8),
    "signed": torch.tensor([-1], dtype=torch.int8),
    "short": torch.tensor([-300], dtype=torch.int16),
    "int": torch.tensor([-70000], dtype=torch.int32),
    "odd": torch.tensor([float("nan"), float("-inf"), -0.0]),
}


def same_bits(left: Tensor, right: Tensor) -> bool:
    if left.dtype != right.dtype or left.shape != right.shape:
        return False
    both = (t.contiguous().flatten().view(torch.uint8) for t in (left, right))
    return torch.equal(*both)


def test_every_bit_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(safetensors_bytes(TENSORS, {"format": "pt"}))
    tensors, metadata = read_safetensors(path)
    assert metadata == {"format": "pt"}
    assert tensors.keys() == TENSORS.keys()
    assert all(same_bits(tensors[name], TENSORS[name]) for name in TENSORS)


def test_the_formats_library_reads_it(tmp_path: Path) -> None:
    library = pytest.importorskip("safetensors.torch")
    path = tmp_path / "x.safetensors"
    path.write_bytes(safetensors_bytes(TENSORS, {"format": "pt"}))
    tensors = library.load_file(path)
    assert tensors.keys() == TENSORS.keys()
    assert all(same_bits(tensors[name], TENSORS[name]) for name in TENSORS)


def test_nothing_but_a_header(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(safetensors_bytes({}, {}))
    assert read_safetensors(path) == ({}, {})


def test_numbers_without_a_name() -> None:
    message = r"`tensors` must be of real, integer or boolean numbers, got z of torch\.complex64"
    with pytest.raises(ValueError, match=message):
        safetensors_bytes({"z": torch.zeros(2, dtype=torch.complex64)}, {})
