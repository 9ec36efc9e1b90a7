"""MNIST: the real files where they are available, the download where they are not."""

import os
from pathlib import Path

import pytest
from torchvision import datasets

from datamodules import MNIST, DataError
from tests.datamodules.idx_files import write_pairs

REAL = Path(os.environ.get("HAWC_DATA", "data"))


@pytest.mark.skipif(not (REAL / "MNIST" / "raw").is_dir(), reason="no MNIST in HAWC_DATA")
def test_real_files() -> None:
    data = MNIST(data_dir=str(REAL))
    data.prepare_data()
    images, labels = data.read(train=True)
    assert images.shape == (60000, 1, 28, 28)
    assert labels.bincount().tolist() == [
        *(5923, 6742, 5958, 6131, 5842),
        *(5421, 5918, 6265, 5851, 5949),
    ]
    assert images.float().mean().item() / 255 == pytest.approx(0.1307, abs=1e-4)
    assert data.read(train=False)[0].shape == (10000, 1, 28, 28)


def test_downloads_into_torchvisions_layout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(folder: str, download: bool) -> None:
        assert download
        write_pairs(Path(folder) / "MNIST" / "raw")

    monkeypatch.setattr(datasets, "MNIST", fetch)
    data = MNIST(data_dir=str(tmp_path / "data"))
    data.prepare_data()
    data.prepare_data()  # downloads once
    assert len(data.read(train=True)[0]) == 30


def test_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(folder: str, download: bool) -> None:
        raise RuntimeError("Error downloading train-images")

    monkeypatch.setattr(datasets, "MNIST", fetch)
    with pytest.raises(DataError, match="a folder that holds MNIST, or MNIST must be downloadable"):
        MNIST(data_dir=str(tmp_path / "data")).prepare_data()
    assert not (tmp_path / "data").exists()
