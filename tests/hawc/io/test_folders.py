"""Folders of strangers: links lead nowhere twice, and leftovers are told from files."""

import os
from pathlib import Path

import pytest

from hawc.io import folders
from hawc.io.folders import foreign_file, is_within, walk


def test_leftovers_and_known_files_are_not_foreign(tmp_path: Path) -> None:
    for name in (".a.part", "b"):
        (tmp_path / name).touch()
    assert foreign_file(tmp_path, ("b", "c")) is None
    assert foreign_file(tmp_path) == "b"
    (tmp_path / "b").rename(tmp_path / "b.part")
    assert foreign_file(tmp_path) == "b.part"


@pytest.mark.parametrize("name", [".a.part", "known"])
@pytest.mark.parametrize("kind", ["link", "broken link", "pipe", "folder"])
def test_all_but_regular_files_are_foreign(name: str, kind: str, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").touch()
    (folder := tmp_path / "folder").mkdir()
    if kind == "pipe":
        os.mkfifo(folder / name)
    elif kind == "folder":
        (folder / name).mkdir()
    else:
        (folder / name).symlink_to(tmp_path / ("elsewhere" if kind == "link" else "missing"))
    assert foreign_file(folder, ("known",)) == name


def test_places_are_compared_after_links(tmp_path: Path) -> None:
    (real := tmp_path / "real").mkdir()
    (link := tmp_path / "link").symlink_to(real)
    (real / "out").symlink_to(tmp_path)
    (real / "loop").symlink_to("loop")
    assert is_within(link / "new" / "deep", real)
    assert is_within(real / "x", link)
    assert not is_within(link / "out" / "x", link)
    assert is_within(link / "loop", link)


def test_a_folder_is_visited_once(tmp_path: Path) -> None:
    """Two links to the folder above would be followed in 2^40 ways."""
    (tmp_path / "z").mkdir()
    for name in "ab":
        (tmp_path / name).symlink_to(".")
        (tmp_path / "z" / name).symlink_to(tmp_path)
    (tmp_path / "0").symlink_to("z")  # a link comes after the folder itself
    assert [top for top, _, _ in walk(tmp_path)] == [tmp_path, tmp_path / "z"]


def test_links_are_followed(tmp_path: Path) -> None:
    (tmp_path / "disk" / "deep").mkdir(parents=True)
    (run := tmp_path / "run").mkdir()
    (run / "checkpoints").symlink_to(tmp_path / "disk")
    expected = [run, run / "checkpoints", run / "checkpoints" / "deep"]
    assert [top for top, _, _ in walk(run)] == expected


def test_the_number_of_folders_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "_MOST_FOLDERS", 3)
    for name in "abcde":
        (tmp_path / name).mkdir()
    assert len(list(walk(tmp_path))) == 3
