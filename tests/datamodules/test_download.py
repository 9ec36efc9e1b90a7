"""Downloads are complete or leave nothing; no test uses a network."""

import errno
from pathlib import Path

import pytest

from datamodules import DataError
from datamodules.download import download_whole


def fetch(folder: str) -> None:
    (Path(folder) / "set" / "raw").mkdir(parents=True)
    (Path(folder) / "set" / "raw" / "file").write_text("content")


def test_moves_a_complete_download(tmp_path: Path) -> None:
    download_whole("Set", tmp_path / "new" / "data", fetch)
    assert (tmp_path / "new" / "data" / "set" / "raw" / "file").read_text() == "content"
    assert [path.name for path in tmp_path.iterdir()] == ["new"]


def test_another_process_was_faster(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "theirs").touch()
    download_whole("Set", tmp_path, fetch)
    assert [path.name for path in (tmp_path / "set").iterdir()] == ["theirs"]


@pytest.mark.parametrize(
    "error", [RuntimeError("no mirror\nmore"), OSError(errno.ENETUNREACH, "unreachable")]
)
def test_a_failed_download_leaves_nothing(tmp_path: Path, error: Exception) -> None:
    def fail(folder: str) -> None:
        fetch(folder)
        raise error

    with pytest.raises(DataError, match=r"`data.data_dir` .* HAWC_DATA, or use MNIST5k") as raised:
        download_whole("Set", tmp_path / "data", fail)
    assert "more" not in str(raised.value)
    assert list(tmp_path.iterdir()) == []
