"""A file is replaced in one step, or stays what it was; only regular files are read."""

import doctest
import errno
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import hawc.io.files
from hawc.io.files import atomic_write, open_regular, parse_json, read_regular, remove_leftovers


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def write(path: Path | str, content: bytes = b"new", *, durable: bool = False) -> None:
    with atomic_write(path, durable=durable) as file:
        file.write(content)


def write_half(path: Path, error: BaseException) -> None:
    with atomic_write(path) as file:
        file.write(b"half")
        raise error


@pytest.mark.parametrize("durable", [False, True])
def test_replaces_a_file_at_the_end_of_the_block(tmp_path: Path, durable: bool) -> None:
    path = tmp_path / "points.npz"
    path.write_text("old")
    with atomic_write(str(path), durable=durable) as file:
        file.write(b"new")
        assert names(tmp_path) == [".points.npz.part", "points.npz"]
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert names(tmp_path) == ["points.npz"]


@pytest.mark.parametrize("error", [ValueError(), OSError(), KeyboardInterrupt()])
def test_an_error_leaves_the_old_content(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "points.npz"
    path.write_text("old")
    with pytest.raises(type(error)):
        write_half(path, error)
    assert path.read_text() == "old"
    assert names(tmp_path) == ["points.npz"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EFBIG, errno.EIO])
def test_an_error_of_the_disk_names_the_file(tmp_path: Path, number: int) -> None:
    with pytest.raises(OSError) as raised:
        write_half(tmp_path / "points.npz", OSError(number, os.strerror(number)))
    assert raised.value.errno == number
    assert raised.value.filename == str(tmp_path / "points.npz")


@pytest.mark.parametrize("folder", ["none", "file"])
def test_the_folder_must_exist(tmp_path: Path, folder: str) -> None:
    (tmp_path / "file").touch()
    expected = {"none": FileNotFoundError, "file": NotADirectoryError}[folder]
    with pytest.raises(expected, match=r"\.points\.npz\.part"):
        write(tmp_path / folder / "points.npz")


@pytest.mark.parametrize("name", ["points.npz", ".points.npz.part"])
@pytest.mark.parametrize("planted", ["link", "broken link", "pipe"])
def test_neither_follows_a_link_nor_waits_for_a_pipe(
    tmp_path: Path, name: str, planted: str
) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "folder"
    folder.mkdir()
    if planted == "pipe":
        os.mkfifo(folder / name)
    else:
        (folder / name).symlink_to(outside)
    if planted == "link":
        outside.write_text("mine")
    write(folder / "points.npz")
    assert names(folder) == ["points.npz"]
    assert (folder / "points.npz").read_text() == "new"
    assert stat.S_ISREG((folder / "points.npz").lstat().st_mode)
    assert (outside.read_text() if outside.exists() else None) == (
        "mine" if planted == "link" else None
    )


def test_the_mode_is_that_of_new_files(tmp_path: Path) -> None:
    present = os.umask(0o002)
    try:
        write(tmp_path / "points.npz")
    finally:
        os.umask(present)
    assert stat.S_IMODE((tmp_path / "points.npz").stat().st_mode) == 0o664


def test_a_durable_write_is_flushed_before_it_replaces_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, flushed = tmp_path / "points.npz", []
    fsync = os.fsync

    def record(descriptor: int) -> None:
        flushed.append((path.exists(), os.fstat(descriptor).st_size))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", record)
    write(path, durable=True)
    assert flushed == [(False, 3)]


@pytest.mark.integration
@pytest.mark.parametrize("cleared_by", ["write", "remove_leftovers"])
def test_what_a_kill_left_is_cleared(tmp_path: Path, cleared_by: str) -> None:
    path = tmp_path / "points.npz"
    path.write_text("old")
    script = (
        "import os, sys, signal\n"
        "from hawc.io.files import atomic_write\n"
        "with atomic_write(sys.argv[1]) as file:\n"
        "    file.write(b'a longer half of a file')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert path.read_text() == "old"
    assert names(tmp_path) == [".points.npz.part", "points.npz"]
    if cleared_by == "write":
        write(path)
    else:
        remove_leftovers(tmp_path)
    assert path.read_text() == ("new" if cleared_by == "write" else "old")
    assert names(tmp_path) == ["points.npz"]


def test_leftovers_are_removed_without_following_links(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    folder = tmp_path / "folder[1]"
    (folder / ".kept.part").mkdir(parents=True)
    outside.write_text("mine")
    (folder / ".a.png.part").write_text("half")
    (folder / ".b.png.part").symlink_to(outside)
    for name in ("c.part", ".d", ".e.partial"):
        (folder / name).touch()
    remove_leftovers(folder)
    assert names(folder) == [".d", ".e.partial", ".kept.part", "c.part"]
    assert outside.read_text() == "mine"


def test_reads_a_file_of_at_most_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"12345")
    (tmp_path / "link").symlink_to(path)
    assert read_regular(path, 5) == read_regular(str(tmp_path / "link"), 5) == b"12345"
    with open_regular(path) as file:
        assert file.read() == b"12345"
    with pytest.raises(OSError, match="at most 4 bytes are read, got 5") as raised:
        read_regular(path, 4)
    assert raised.value.filename == str(path)


@pytest.mark.parametrize("kind", ["pipe", "folder", "device"])
def test_reads_regular_files_only(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path = Path("/dev/zero")
    with pytest.raises(OSError, match=rf"a regular file is required, got a .*{kind}"):
        open_regular(path)
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "missing")


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "1" * 5_000, "nothing"])
def test_what_is_no_json_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):
        parse_json(text)
    assert parse_json(b'{"a": [1, null]}') == {"a": [1, None]}


def test_the_example_runs() -> None:
    result = doctest.testmod(hawc.io.files)
    assert result.attempted > 0
    assert result.failed == 0
