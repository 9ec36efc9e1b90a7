"""A file is replaced in one step, or stays what it was."""

import doctest
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import hawc.files
from hawc.files import atomic_write


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def write_half(path: Path, error: type[BaseException]) -> None:
    with atomic_write(path) as partial:
        partial.write_text("half")
        raise error


@pytest.mark.parametrize("durable", [False, True])
def test_replaces_a_file_at_the_end_of_the_block(tmp_path: Path, durable: bool) -> None:
    path = tmp_path / "points.npz"
    path.write_text("old")
    with atomic_write(str(path), durable=durable) as partial:
        partial.write_text("new")
        assert partial == tmp_path / ".points.npz.part"
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert names(tmp_path) == ["points.npz"]


@pytest.mark.parametrize("error", [ValueError, OSError, KeyboardInterrupt])
def test_an_error_leaves_the_old_content(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "points.npz"
    path.write_text("old")
    with pytest.raises(error):
        write_half(path, error)
    assert path.read_text() == "old"
    assert names(tmp_path) == ["points.npz"]


@pytest.mark.parametrize("durable", [False, True])
def test_refuses_a_block_that_writes_nothing(tmp_path: Path, durable: bool) -> None:
    path = tmp_path / "points.npz"
    path.write_text("old")
    with pytest.raises(FileNotFoundError), atomic_write(path, durable=durable):
        pass
    assert path.read_text() == "old"


@pytest.mark.parametrize("folder", ["none", "file"])
def test_reports_the_error_of_the_block_where_the_folder_is_missing(
    tmp_path: Path, folder: str
) -> None:
    (tmp_path / "file").touch()
    expected = {"none": FileNotFoundError, "file": NotADirectoryError}[folder]
    path = tmp_path / folder / "points.npz"
    with pytest.raises(expected, match=r"\.points\.npz\.part"), atomic_write(path) as partial:
        partial.write_text("new")


def test_a_durable_write_is_flushed_before_it_replaces_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, flushed = tmp_path / "points.npz", []
    fsync = os.fsync

    def record(descriptor: int) -> None:
        flushed.append(path.exists())
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", record)
    with atomic_write(path, durable=True) as partial:
        partial.write_text("new")
    assert flushed == [False]


@pytest.mark.integration
def test_the_next_write_overwrites_what_a_kill_left(tmp_path: Path) -> None:
    path = tmp_path / "points.npz"
    path.write_text("old")
    script = (
        "import os, sys, signal\n"
        "from hawc.files import atomic_write\n"
        "with atomic_write(sys.argv[1]) as partial:\n"
        "    partial.write_text('a longer half of a file')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert path.read_text() == "old"
    assert names(tmp_path) == [".points.npz.part", "points.npz"]
    with atomic_write(path) as partial:
        partial.write_text("new")
    assert path.read_text() == "new"
    assert names(tmp_path) == ["points.npz"]


def test_the_example_runs() -> None:
    result = doctest.testmod(hawc.files)
    assert result.attempted > 0
    assert result.failed == 0
