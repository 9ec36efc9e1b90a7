"""Fashion-MNIST: the data folder first, then the files of a Debian package."""

from pathlib import Path

import pytest
import torch
from torchvision import datasets

from datamodules import FashionMNIST, fashion_mnist
from tests.datamodules.idx_files import write_pairs

DEBIAN = Path("/usr/share/datasets/fashion-mnist")


def test_finds_the_debian_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_pairs(tmp_path / "debian", n=20, compressed=True)
    monkeypatch.setattr(fashion_mnist, "_DEBIAN_PACKAGE", tmp_path / "debian")
    data = FashionMNIST(data_dir=str(tmp_path / "nothing"))
    data.prepare_data()
    assert len(data.read(train=True)[0]) == 20
    assert not (tmp_path / "nothing").exists()


def test_the_data_folder_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_pairs(tmp_path / "debian", n=20, compressed=True)
    write_pairs(tmp_path / "data" / "FashionMNIST" / "raw", n=40)
    monkeypatch.setattr(fashion_mnist, "_DEBIAN_PACKAGE", tmp_path / "debian")
    assert len(FashionMNIST(data_dir=str(tmp_path / "data")).read(train=False)[0]) == 40


def test_downloads_otherwise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(folder: str, download: bool) -> None:
        write_pairs(Path(folder) / "FashionMNIST" / "raw")

    monkeypatch.setattr(fashion_mnist, "_DEBIAN_PACKAGE", tmp_path / "debian")
    monkeypatch.setattr(datasets, "FashionMNIST", fetch)
    data = FashionMNIST(data_dir=str(tmp_path / "data"))
    data.prepare_data()
    assert len(data.read(train=True)[0]) == 30


@pytest.mark.skipif(not DEBIAN.is_dir(), reason="Debian's dataset-fashion-mnist is not installed")
def test_real_files(tmp_path: Path) -> None:
    images, labels = FashionMNIST(data_dir=str(tmp_path)).read(train=True)
    assert images.shape == (60000, 1, 28, 28)
    assert torch.equal(labels.bincount(), torch.full((10,), 6000))
    assert images.float().mean().item() / 255 == pytest.approx(0.2860, abs=1e-4)
