"""Folders of strangers: what is planted there is refused, and nothing outside is written."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from commands.errors import UsageError
from commands.run.folder import (
    checkpoints_in,
    create_run_folder,
    default_place,
    forget_run_folder,
    run_of,
)
from tests.commands.run.test_folder import SUB, make_run


@pytest.fixture(autouse=True)
def in_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    yield
    forget_run_folder()


PLANTED = (".job", ".job.part", ".lock", "config.yaml", "images", "checkpoints", "wandb", "x.part")


@pytest.mark.parametrize("name", PLANTED)
@pytest.mark.parametrize("kind", ["file", "folder", "pipe", "broken link"])
@pytest.mark.timeout(20)
def test_a_folder_with_anything_in_it_is_refused(name: str, kind: str, tmp_path: Path) -> None:
    if (name, kind) == (".job.part", "file"):
        return  # a leftover
    (folder := tmp_path / "given").mkdir()
    if kind == "file":
        (folder / name).touch()
    elif kind == "folder":
        (folder / name).mkdir()
    elif kind == "pipe":
        os.mkfifo(folder / name)
    else:
        (folder / name).symlink_to(tmp_path / "missing")
    for launch, again in ((None, False), ("slurm 7", False), ("slurm 7", True)):
        with pytest.raises(
            UsageError, match=rf"must be new or empty, got '.*' with {re.escape(name)} in it"
        ):
            create_run_folder(folder, launch, again=again)
    assert [file.name for file in folder.iterdir()] == [name]
    assert not (tmp_path / "missing").exists()


def test_a_mark_is_no_link(tmp_path: Path) -> None:
    (tmp_path / "mark").write_text("slurm 7")
    (folder := tmp_path / "given").mkdir()
    (folder / ".job").symlink_to(tmp_path / "mark")
    with pytest.raises(UsageError, match=r"with \.job in it"):
        create_run_folder(folder, "slurm 7", again=True)


def test_leftovers_of_killed_starts_are_removed(tmp_path: Path) -> None:
    Path("given").mkdir()
    Path("given/.job.part").touch()
    folder = create_run_folder(Path("given"), "slurm 7")
    (tmp_path / "elsewhere").mkdir()
    (folder / "images").mkdir()
    (folder / "checkpoints").symlink_to(tmp_path / "elsewhere")
    left = [folder / ".metrics.csv.part", folder / "images" / ".a.png.part"]
    kept = [folder / "images" / "a.png", tmp_path / "elsewhere" / ".mine.part"]
    for file in left + kept:
        file.touch()
    create_run_folder(folder, "slurm 7", again=True)
    assert [file.exists() for file in left + kept] == [False, False, True, True]


def test_names_of_strangers_are_printed_as_text() -> None:
    Path("given").mkdir()
    Path("given/\x1b[31m").touch()
    with pytest.raises(UsageError, match=r"with \\x1b\[31m in it"):
        create_run_folder(Path("given"))


@pytest.mark.parametrize("name", ["samples/1", "export", "gallery.db"])
def test_default_places_lie_in_the_run(name: str, tmp_path: Path) -> None:
    (disk := tmp_path / "disk").mkdir()
    make_run(disk / "a", SUB)
    Path("runs").symlink_to(disk)
    checkpoint = Path("runs/a") / SUB
    assert default_place(checkpoint, name, "output") == disk / "a" / name
    planted = disk / "a" / name.partition("/")[0]
    planted.symlink_to("planted")  # a link to itself leads nowhere
    assert default_place(checkpoint, name, "output") == disk / "a" / name
    for elsewhere in (tmp_path, "..", "../missing", "/missing"):
        planted.unlink()
        planted.symlink_to(elsewhere)
        with pytest.raises(UsageError, match=r"`output` must be given, since .* name a place with"):
            default_place(checkpoint, name, "output")
    planted.unlink()
    planted.symlink_to("checkpoints")  # within the run
    assert default_place(checkpoint, name, "output") == disk / "a" / name


@pytest.mark.timeout(20)
def test_a_config_that_is_no_file_makes_no_run(tmp_path: Path) -> None:
    folder = make_run(Path("mine"), "models/x.ckpt")
    config = folder / "config.yaml"
    config.unlink()
    os.mkfifo(config)
    assert run_of(folder / "models/x.ckpt") == folder / "models"
    config.unlink()
    with config.open("wb") as file:
        file.truncate(2**33)
    assert run_of(folder / "models/x.ckpt") == folder / "models"


@pytest.mark.timeout(20)
def test_links_that_lead_back_end() -> None:
    run = make_run(Path("runs/name/a"), "checkpoints/a.ckpt")
    for name in ("a", "b", "checkpoints/c"):
        (run / name).symlink_to(run.absolute())
    (run / "0").symlink_to("checkpoints")
    assert checkpoints_in(run) == [run / "checkpoints" / "a.ckpt"]
    (run / "loop.ckpt").symlink_to("loop.ckpt")
    assert run_of(run / "loop.ckpt").name == "a"
