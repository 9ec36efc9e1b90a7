"""The IDX format: plain, gzipped and damaged files."""

import gzip
from pathlib import Path

import numpy as np
import pytest
import torch

from datamodules import MNIST, DataError
from datamodules.idx import read_idx
from tests.datamodules.idx_files import idx_bytes, write_pairs

VALUES = np.arange(24).reshape(2, 3, 4)


@pytest.mark.parametrize("compressed", [False, True])
def test_reads_what_was_written(tmp_path: Path, compressed: bool) -> None:
    write_pairs(tmp_path / "MNIST" / "raw", compressed=compressed)
    data = MNIST(data_dir=str(tmp_path))
    data.prepare_data()
    images, labels = data.read(train=True)
    expected = np.random.default_rng(0).integers(0, 256, (30, 28, 28))
    assert torch.equal(images[:, 0], torch.from_numpy(expected).to(torch.uint8))
    assert labels.tolist() == [*range(10)] * 3
    assert labels.dtype == torch.int64
    assert not torch.equal(data.read(train=False)[0], images)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0\0",
        idx_bytes(VALUES)[:-1],
        idx_bytes(VALUES) + b"\0",
        idx_bytes(VALUES)[:9],
        b"\0\0\x0d" + idx_bytes(VALUES)[3:],
        b"<html>not found</html>",
    ],
    ids=["empty", "cut magic", "cut data", "too long", "cut header", "floats", "html"],
)
def test_damaged_files(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(DataError, match="file' is not a whole IDX file of bytes"):
        read_idx(path)


def test_damaged_gzip(tmp_path: Path) -> None:
    path = tmp_path / "file.gz"
    path.write_bytes(b"\x1f\x8b not really")
    with pytest.raises(DataError, match=r"file.gz' cannot be read"):
        read_idx(path)


def test_images_of_another_size(tmp_path: Path) -> None:
    write_pairs(tmp_path / "MNIST" / "raw", side=27)
    with pytest.raises(DataError, match="must hold 28 x 28 images and one label each"):
        MNIST(data_dir=str(tmp_path)).read(train=True)


def test_reading_before_preparing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no MNIST files in .* call prepare_data\(\) first"):
        MNIST(data_dir=str(tmp_path)).read(train=True)


@pytest.mark.parametrize("sizes", [(2**31, 28, 28), (2**32 - 1,)])
@pytest.mark.parametrize("name", ["file", "file.gz"])
def test_headers_that_claim_too_much(tmp_path: Path, sizes: tuple[int, ...], name: str) -> None:
    header = bytes([0, 0, 8, len(sizes)]) + b"".join(n.to_bytes(4, "big") for n in sizes)
    (tmp_path / name).write_bytes(gzip.compress(header) if name.endswith(".gz") else header)
    with pytest.raises(DataError, match="at most 500,000,000 bytes are read, got a header of"):
        read_idx(tmp_path / name)


def test_no_more_is_unpacked_than_the_header_claims(tmp_path: Path) -> None:
    path = tmp_path / "file.gz"
    path.write_bytes(gzip.compress(idx_bytes(VALUES) + bytes(10**7)))
    with pytest.raises(DataError, match="is not a whole IDX file"):
        read_idx(path)
