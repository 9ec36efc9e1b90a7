"""Facades: the layout of the folder, and messages for missing folders."""

from pathlib import Path

import pytest

from datamodules import DataError, Facades
from tests.datamodules.image_files import write_images


def test_reads_the_four_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, n in {"trainA": 5, "trainB": 4, "testA": 3, "testB": 2}.items():
        write_images(tmp_path / "facades" / name, n)
    monkeypatch.setenv("HAWC_DATA", str(tmp_path))
    data = Facades()
    data.prepare_data()
    assert [domain.shape for domain in data.read(train=True)] == [(5, 3, 64, 64), (4, 3, 64, 64)]
    assert [len(domain) for domain in data.read(train=False)] == [3, 2]


def test_missing(tmp_path: Path) -> None:
    data = Facades(data_dir=str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match=r"nowhere/facades' does not exist; .* HAWC_DATA\."):
        data.prepare_data()


def test_a_missing_domain(tmp_path: Path) -> None:
    write_images(tmp_path / "facades" / "trainA", 2)
    data = Facades(data_dir=str(tmp_path))
    data.prepare_data()
    with pytest.raises(DataError, match=r"facades/trainB' must be a folder of images"):
        data.setup("fit")
