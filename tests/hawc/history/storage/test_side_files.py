"""Files beside a gallery, and galleries that are no files: refused, nothing else is touched."""

import os
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from hawc.history import DatabaseHistory, HistoryStoreError
from hawc.history.storage.side_files import LARGEST_FILE, create_file, problem_of_files
from hawc.targets import StandardNormal

PLANE = StandardNormal(2)
MAGIC = bytes.fromhex("d9d505f920a163d7")


@pytest.fixture
def gallery(tmp_path: Path) -> Path:
    DatabaseHistory(tmp_path / "a.db", PLANE, create=True).append(
        torch.ones(3, 2), expected_length=0
    )
    return tmp_path / "a.db"


def journal_of(name: bytes) -> bytes:
    """Returns a journal without pages that names a file, as of a write to several databases."""
    header = MAGIC + struct.pack(">5I", 0, 7, 2, 512, 4096)
    end = struct.pack(">I", len(name)) + struct.pack(">I", sum(name)) + MAGIC
    return header.ljust(512, b"\0") + struct.pack(">I", 2**18 + 1) + name + end


def test_a_journal_that_names_another_file_is_not_obeyed(gallery: Path) -> None:
    other = gallery.parent / "other"
    other.write_bytes(b"not to be deleted")
    Path(f"{gallery}-journal").write_bytes(journal_of(bytes(other)))
    for mode in ("", "?mode=ro"):
        with pytest.raises(HistoryStoreError, match="of a write to several databases"):
            DatabaseHistory(f"sqlite:///{gallery}{mode}", PLANE)
    assert other.read_bytes() == b"not to be deleted"


def test_the_same_holds_beside_a_file_that_is_linked(gallery: Path, tmp_path: Path) -> None:
    link = tmp_path / "folder" / "link.db"
    link.parent.mkdir()
    link.symlink_to(gallery)
    assert len(DatabaseHistory(link, PLANE)) == 3
    Path(f"{gallery}-journal").write_bytes(journal_of(b"other"))
    with pytest.raises(HistoryStoreError, match="of a write to several databases"):
        DatabaseHistory(link, PLANE)


PLANTED: list[Callable[[str, Path], object]] = [
    lambda place, _: os.mkfifo(place),
    lambda place, _: os.mkdir(place),
    lambda place, other: os.symlink(other, place),
    lambda place, other: os.link(other, place),
    lambda place, _: os.symlink("/dev/zero", place),
]


@pytest.mark.parametrize("suffix", ["-journal", "-wal", "-shm"])
@pytest.mark.parametrize("plant", PLANTED)
def test_files_beside_it_must_be_files(
    gallery: Path, suffix: str, plant: Callable[[str, Path], object]
) -> None:
    other = gallery.parent / "other"
    other.write_bytes(bytes(4096))
    plant(f"{gallery}{suffix}", other)
    problem = problem_of_files(gallery)
    assert problem is not None
    assert suffix in problem
    with pytest.raises(HistoryStoreError, match="is a link, pipe or folder"):
        DatabaseHistory(gallery, PLANE)
    assert other.read_bytes() == bytes(4096)


@pytest.mark.parametrize("name", ["pipe", "/dev/zero", "/dev/null"])
def test_a_gallery_is_a_regular_file(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name == "pipe":
        os.mkfifo(path)
    for place in (path, tmp_path / "link"):
        if not os.path.lexists(place):
            place.symlink_to(path)
        with pytest.raises(HistoryStoreError, match="it is no regular file: name another one"):
            DatabaseHistory(place, PLANE, create=True)


def test_a_gallery_has_a_largest_size(gallery: Path) -> None:
    os.truncate(gallery, 2**33)  # sparse: the empty pages are not read
    assert len(DatabaseHistory(gallery, PLANE).view()) == 3
    try:
        os.truncate(gallery, LARGEST_FILE + 1)
    except OSError:
        pytest.skip("the file system has no such files")
    with pytest.raises(HistoryStoreError, match=r"1,099,511,627,777 bytes, and at most"):
        DatabaseHistory(gallery, PLANE)


def test_no_gallery_is_created_through_a_link(tmp_path: Path) -> None:
    link, other = tmp_path / "link.db", tmp_path / "other.db"
    link.symlink_to(other)
    with pytest.raises(HistoryStoreError, match="a link to a file that does not exist"):
        DatabaseHistory(link, PLANE, create=True)
    assert not other.exists()
    other.touch()
    with pytest.raises(HistoryStoreError, match="a link to a file without galleries"):
        DatabaseHistory(link, PLANE, create=True)
    assert other.read_bytes() == b""


@pytest.mark.parametrize(("umask", "mode"), [(0o002, 0o664), (0o022, 0o644), (0o077, 0o600)])
def test_the_umask_decides_who_may_write(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        history = DatabaseHistory(tmp_path / "a.db", PLANE, create=True)
        with history.exclusive():
            history.append(torch.ones(1, 2), expected_length=0)
            modes = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}
    finally:
        os.umask(before)
    assert modes == {"a.db": mode, "a.db-journal": mode}


def test_an_existing_file_is_not_changed_by_its_creation(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"full")
    create_file(path)
    create_file(tmp_path / "none" / "a")
    assert path.read_bytes() == b"full"
    assert problem_of_files(path) is None
    assert problem_of_files(tmp_path / "none") is None
