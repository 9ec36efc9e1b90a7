"""Folders of runs: new, requested, and shared by launched processes."""

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from commands.errors import UsageError
from commands.run.folder import (
    checkpoints_in,
    choose_run_folder,
    create_run_folder,
    default_place,
    forget_run_folder,
    latest_checkpoint,
    newest,
    of_run,
    run_of,
)

CONFIG = "model: {}\ndata: {}\ntrainer: {}\nname: x\nrun_folder: null\n"


@pytest.fixture(autouse=True)
def in_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    yield
    forget_run_folder()


def test_runs_that_start_together_have_different_folders() -> None:
    folders = []
    for _ in range(3):
        folders.append(create_run_folder(choose_run_folder(None, "name")))
        forget_run_folder()
    assert len(set(folders)) == 3
    assert {folder.parent for folder in folders} == {Path("runs/name")}


def test_processes_started_from_here_use_the_same_folder() -> None:
    folder = create_run_folder(choose_run_folder(None, "name"))
    assert choose_run_folder(None, "name") == folder.absolute()
    assert choose_run_folder("other", "name") == folder.absolute()
    forget_run_folder()
    assert choose_run_folder("other", "name") == Path("other")


@pytest.mark.parametrize("name", ["../x", "/x"])
def test_a_name_that_leaves_runs_is_refused(name: str) -> None:
    with pytest.raises(
        UsageError, match=f"`name` must be .* within runs, got '{name}'; use --run_f"
    ):
        choose_run_folder(None, name)


def test_a_folder_that_cannot_be_created_is_refused() -> None:
    Path("file").touch()
    with pytest.raises(UsageError, match="`run_folder` must be a writable folder, got 'file/run'"):
        create_run_folder(Path("file/run"))


def test_a_folder_in_use_is_refused() -> None:
    folder = create_run_folder(Path("given"))
    (folder / "metrics.csv").touch()
    with pytest.raises(UsageError, match=r"must be new or empty, got 'given' with metrics\.csv"):
        create_run_folder(folder)


def test_a_folder_that_another_run_has_just_taken_is_refused() -> None:
    """The other run has not written a file yet; its lock ends with its process."""
    (theirs := Path("given")).mkdir()
    descriptor = os.open(theirs, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    with pytest.raises(UsageError, match="got 'given' which another run has just taken; name an"):
        create_run_folder(theirs)
    assert not list(theirs.iterdir())
    os.close(descriptor)
    assert create_run_folder(theirs) == theirs
    with pytest.raises(UsageError, match="which another run has just taken"):
        create_run_folder(theirs)
    forget_run_folder()
    assert create_run_folder(theirs) == theirs


def test_a_folder_that_cannot_be_locked_is_not_protected(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int, operation: int) -> None:
        raise OSError(errno.EBADF, "Bad file descriptor")

    monkeypatch.setattr(fcntl, "flock", refuse)
    assert create_run_folder(Path("given")) == Path("given")


def test_processes_of_a_job_agree_on_a_folder_and_find_it_again() -> None:
    folder = choose_run_folder(None, "name", "slurm-7")
    assert folder == Path("runs/name/slurm-7")
    assert choose_run_folder("given", "name", "slurm-7") == Path("given")
    (create_run_folder(folder, "slurm 7") / "metrics.csv").touch()
    assert create_run_folder(folder, "slurm 7", again=True) == folder


def test_a_job_that_starts_again_continues_only_in_its_folder() -> None:
    message = r"must be new or empty, got 'given' with .* in it"
    folder = create_run_folder(Path("given"), "slurm 7")
    (folder / "metrics.csv").touch()
    with pytest.raises(UsageError, match=message):
        create_run_folder(folder, "slurm 7")
    with pytest.raises(UsageError, match=message):
        create_run_folder(folder, "slurm 8", again=True)
    (folder / ".job").unlink()  # a run without a job has no mark
    with pytest.raises(UsageError, match=message):
        create_run_folder(folder, "slurm 7", again=True)
    with pytest.raises(UsageError, match=message):
        create_run_folder(folder, again=True)
    assert create_run_folder(Path("new"), "slurm 7", again=True) == Path("new")


class KilledError(BaseException):
    """Ends a function like a kill."""


def test_a_start_that_was_killed_at_its_mark_may_start_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def killed(*_: object) -> None:
        raise KilledError

    with monkeypatch.context() as kills:
        kills.setattr(os, "replace", killed)
        with pytest.raises(KilledError):
            create_run_folder(Path("given"), "slurm 7")
    assert create_run_folder(Path("given"), "slurm 7", again=True) == Path("given")
    assert [(file.name, file.read_text()) for file in Path("given").iterdir()] == [
        (".job", "slurm 7")
    ]


def test_a_refusal_leaves_the_folder_unchanged() -> None:
    folder = create_run_folder(Path("given"))
    assert not list(folder.iterdir())
    (folder / "metrics.csv").touch()
    with pytest.raises(UsageError):
        create_run_folder(folder, "slurm 7")
    assert [file.name for file in folder.iterdir()] == ["metrics.csv"]


def test_an_empty_folder_is_accepted() -> None:
    Path("given").mkdir()
    assert create_run_folder(Path("given")) == Path("given")


def test_latest_checkpoint_is_the_newest() -> None:
    for age, run in enumerate(("c", "a", "b")):
        checkpoint = Path("runs/name") / run / "checkpoints" / "last.ckpt"
        checkpoint.parent.mkdir(parents=True)
        checkpoint.touch()
        os.utime(checkpoint, (1000 - age, 1000 - age))
    assert latest_checkpoint("name") == Path("runs/name/c/checkpoints/last.ckpt")
    with pytest.raises(UsageError, match=r"runs/other/\*/checkpoints/last\.ckpt, got no \*\.ckpt"):
        latest_checkpoint("other")


def test_options_of_a_run() -> None:
    folder = Path("runs/name/a")
    with pytest.raises(
        UsageError, match=r"needs the folder of a run, got 'runs/name/a' without config\.yaml"
    ):
        of_run(folder)
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "config.yaml").touch()
    with pytest.raises(UsageError, match=r"got 'runs/name/a' without any \*\.ckpt; name"):
        of_run(folder)
    (folder / "checkpoints" / "last.ckpt").touch()
    assert of_run(folder) == (
        *("--config", "runs/name/a/config.yaml"),
        *("--ckpt_path", "runs/name/a/checkpoints/last.ckpt"),
    )


def test_samples_go_to_the_run_of_their_checkpoint() -> None:
    checkpoint = Path("runs/name/a/checkpoints/last.ckpt")
    assert run_of(checkpoint) == Path("runs/name/a")
    assert run_of(Path("elsewhere/model.ckpt")) == Path("elsewhere")
    assert default_place(checkpoint, "samples/1", "output") == Path("runs/name/a/samples/1")


def make_run(folder: Path, *checkpoints: str, config: str = CONFIG) -> Path:
    """Writes a run's configuration and checkpoints, of one step more each."""
    for step, name in enumerate(checkpoints):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        torch.save({"global_step": step}, folder / name)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(config)
    return folder


SUB = "checkpoints/epoch=0-val/loss=1.0.ckpt"  # of a filename "{epoch}-{val/loss:.1f}"


def test_a_run_is_recognized_by_its_config(tmp_path: Path) -> None:
    run = make_run(Path("runs/name/a"), SUB, "other/x/y/z.ckpt", "top.ckpt")
    for name in (SUB, "other/x/y/z.ckpt", "top.ckpt"):
        assert run_of(run / name).resolve() == run.resolve()
        assert run_of(tmp_path / run / name) == tmp_path / run
    copied = Path(shutil.copytree(run, tmp_path / "copied" / "renamed"))
    assert run_of(copied / SUB) == copied
    Path("link").symlink_to(run)
    assert run_of(Path("link") / SUB) == tmp_path / run
    Path("best.ckpt").symlink_to(run / SUB)
    assert run_of(Path("best.ckpt")) == tmp_path / run


def test_checkpoints_on_another_disk_are_the_runs(tmp_path: Path) -> None:
    run, disk = make_run(Path("runs/name/a")), tmp_path / "disk"
    make_run(disk / "mine", "a.ckpt")
    (disk / "mine" / "config.yaml").unlink()
    (run / "checkpoints").symlink_to(disk / "mine")
    assert run_of(run / "checkpoints" / "a.ckpt") == tmp_path / run
    assert checkpoints_in(run) == [run / "checkpoints" / "a.ckpt"]


@pytest.mark.parametrize(
    "config", ["", "model: [", "- 1", "model: {}\ndata: {}\ntrainer: {}\n", "lr: 1"]
)
def test_a_config_that_no_run_wrote_makes_no_run(config: str, tmp_path: Path) -> None:
    folder = make_run(Path("mine"), "models/b/x.ckpt", config=config)
    assert run_of(folder / "models/b/x.ckpt") == folder / "models/b"


def test_the_nearest_run_is_taken() -> None:
    outer = make_run(Path("outer"), "a.ckpt")
    inner = make_run(outer / "continued", "b/c.ckpt")
    assert run_of(inner / "b/c.ckpt").name == "continued"
    assert checkpoints_in(outer) == [outer / "a.ckpt"]


def test_the_newest_checkpoint_is_that_of_the_most_steps(tmp_path: Path) -> None:
    """Even if copying has changed the times of all files."""
    run = make_run(Path("runs/name/a"), "z.ckpt", SUB, "checkpoints/a.ckpt")
    (run / "checkpoints" / "b.ckpt.part").touch()
    (run / "damaged.ckpt").write_bytes(b"cut")
    for age, file in enumerate(checkpoints_in(run)):
        seconds = 2000 + age if file.name != "a.ckpt" else 1000
        os.utime(file, (seconds, seconds))
    assert newest(checkpoints_in(run)) == run / "checkpoints" / "a.ckpt"
    assert latest_checkpoint("name") == run / "checkpoints" / "a.ckpt"
    assert of_run(run)[-1] == str(run / "checkpoints" / "a.ckpt")
    shutil.copy(run / "checkpoints" / "a.ckpt", run / "later.ckpt")  # as many steps, saved later
    assert newest(checkpoints_in(run)) == run / "later.ckpt"


def test_last_is_a_checkpoint_that_can_resume_if_there_is_one() -> None:
    run = make_run(Path("runs/name/a"), "x.ckpt", "y.ckpt")
    os.utime(run / "y.ckpt", (9_999_999_999, 9_999_999_999))
    assert latest_checkpoint("name") == run / "y.ckpt"
    assert latest_checkpoint("name", lambda path: path.name == "x.ckpt") == run / "x.ckpt"
    assert latest_checkpoint("name", lambda path: False) == run / "y.ckpt"
    with pytest.raises(UsageError, match=r"name a file in '/disk', `dirpath` of ModelCheckpoint\."):
        latest_checkpoint("other", elsewhere=["/disk"])


def test_last_means_the_run_that_saved_last() -> None:
    first = make_run(Path("runs/name/a"), "x.ckpt", "y.ckpt", "z.ckpt")
    second = make_run(Path("runs/name/b"), "deep/x.ckpt")
    make_run(Path("runs/name/longer/c"), "x.ckpt")  # of the experiment name/longer
    for path, seconds in ((first / "z.ckpt", 1000), (second / "deep/x.ckpt", 9_999_999_999)):
        os.utime(path, (seconds, seconds))
    assert latest_checkpoint("name") == second / "deep" / "x.ckpt"
