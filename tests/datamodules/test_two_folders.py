"""Two folders: which are read for training and testing."""

from pathlib import Path

import pytest

from datamodules import DataError, TwoFolders
from tests.datamodules.image_files import write_images


def test_training_and_test_folders(tmp_path: Path) -> None:
    names = {"path_a": 3, "path_b": 4, "test_path_a": 1, "test_path_b": 2}
    paths = {name: str(write_images(tmp_path / name, n)) for name, n in names.items()}
    data = TwoFolders(**paths, image_size=4)
    assert [len(domain) for domain in data.read(train=True)] == [3, 4]
    assert [len(domain) for domain in data.read(train=False)] == [1, 2]


def test_nothing_to_test(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="`test_path_a` and `test_path_b` must name folders to"):
        TwoFolders("a", "b", 4).setup("test")


def test_one_test_folder_alone() -> None:
    with pytest.raises(ValueError, match=r"must be given together, got None and x"):
        TwoFolders("a", "b", 4, test_path_b="x")
