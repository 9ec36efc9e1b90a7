"""CIFAR-10: the real files where they are available, missing and damaged files."""

import os
import pickle
import shutil
from pathlib import Path

import pytest
from torchvision import datasets

from datamodules import CIFAR10, DataError

REAL = Path(os.environ.get("HAWC_DATA", "data"))
FOLDER = "cifar-10-batches-py"
needs_files = pytest.mark.skipif(not (REAL / FOLDER).is_dir(), reason="no CIFAR-10 in HAWC_DATA")


@pytest.mark.integration
@needs_files
def test_real_files() -> None:
    data = CIFAR10(data_dir=str(REAL))
    data.prepare_data()
    images, labels = data.read(train=True)
    assert images.shape == (50000, 3, 32, 32)
    assert images.is_contiguous()
    assert labels.bincount().tolist() == [5000] * 10
    means = (images[:5000].float().mean((0, 2, 3)) / 255).tolist()
    # known means of the whole set; 5,000 images leave a standard error of about 0.002
    assert means == pytest.approx([0.4914, 0.4822, 0.4465], abs=0.01)


@needs_files
def test_damaged_file(tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir()
    for name in ("batches.meta", "test_batch"):
        shutil.copyfile(REAL / FOLDER / name, tmp_path / FOLDER / name)
    data = CIFAR10(data_dir=str(tmp_path))
    with pytest.raises(DataError, match="is incomplete or corrupted; remove it"):
        data.read(train=False)


def test_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(folder: str, download: bool) -> None:
        raise OSError("Name or service not known")

    monkeypatch.setattr(datasets, "CIFAR10", fetch)
    with pytest.raises(DataError, match="a folder that holds CIFAR-10"):
        CIFAR10(data_dir=str(tmp_path / "data")).prepare_data()
    assert not (tmp_path / "data").exists()


def test_files_of_another_origin_are_not_unpickled(tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir()
    for name in ("batches.meta", "test_batch", *(f"data_batch_{i}" for i in range(1, 6))):
        (tmp_path / FOLDER / name).write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    with pytest.raises(DataError, match="is incomplete or corrupted"):
        CIFAR10(data_dir=str(tmp_path)).read(train=True)


def test_a_batch_that_never_ends_is_not_hashed(tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir()
    with (tmp_path / FOLDER / "data_batch_1").open("wb") as file:
        file.truncate(10**12)
    with pytest.raises(DataError, match="is incomplete or corrupted"):
        CIFAR10(data_dir=str(tmp_path)).read(train=True)


@needs_files
def test_a_tampered_batch_is_not_unpickled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / FOLDER).mkdir()
    for file in (REAL / FOLDER).iterdir():
        (tmp_path / FOLDER / file.name).symlink_to(file)
    tampered = tmp_path / FOLDER / "data_batch_1"
    tampered.unlink()
    tampered.write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    monkeypatch.setattr(pickle, "load", None)
    with pytest.raises(DataError, match="is incomplete or corrupted"):
        CIFAR10(data_dir=str(tmp_path)).read(train=True)
