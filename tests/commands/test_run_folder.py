"""Folders of runs: new ones, chosen ones, and the one that launched processes share."""

import errno
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonargparse import ArgumentParser
from lightning import LightningModule

from commands.errors import UsageError
from commands.run_folder import (
    WriteConfig,
    check_same_run,
    choose_run_folder,
    create_run_folder,
    forget_run_folder,
    latest_checkpoint,
    new_samples_folder,
    of_run,
    run_of,
)
from tests.helpers import quiet_trainer


@pytest.fixture(autouse=True)
def in_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    yield
    forget_run_folder()


def test_runs_that_start_together_have_folders_of_their_own() -> None:
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


def test_a_folder_in_use_is_refused() -> None:
    folder = create_run_folder(Path("given"))
    (folder / "metrics.csv").touch()
    with pytest.raises(UsageError, match=r"must be new or empty, got 'given' with metrics\.csv"):
        create_run_folder(folder)


def test_a_folder_that_another_run_has_just_taken_is_refused() -> None:
    """The other one has not written a file yet; what it holds ends with it, however it ends."""
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


def test_where_folders_cannot_be_locked_runs_start_unseen(monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_a_job_that_starts_again_goes_on_in_no_folder_but_its_own() -> None:
    message = r"must be new or empty, got 'given' with .* in it"
    folder = create_run_folder(Path("given"), "slurm 7")
    (folder / "metrics.csv").touch()
    with pytest.raises(UsageError, match=message):
        create_run_folder(folder, "slurm 7")
    with pytest.raises(UsageError, match=message):
        create_run_folder(folder, "slurm 8", again=True)
    (folder / ".job").unlink()  # as a run by hand leaves it
    with pytest.raises(UsageError, match=message):
        create_run_folder(folder, "slurm 7", again=True)
    with pytest.raises(UsageError, match=message):
        create_run_folder(folder, again=True)
    assert create_run_folder(Path("new"), "slurm 7", again=True) == Path("new")


class KilledError(BaseException):
    """Ends what it is raised in, as a kill does."""


@pytest.mark.parametrize("call", ["write_text", "replace"])
def test_a_start_that_was_killed_at_its_mark_may_start_again(
    call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write_half(self: Path, text: str) -> None:
        with self.open("w") as file:
            file.write(text[:3])
        raise KilledError

    def killed(*_: object) -> None:
        raise KilledError

    with monkeypatch.context() as kills:
        if call == "write_text":
            kills.setattr(Path, call, write_half)
        else:
            kills.setattr(os, call, killed)
        with pytest.raises(KilledError):
            create_run_folder(Path("given"), "slurm 7")
    assert create_run_folder(Path("given"), "slurm 7", again=True) == Path("given")
    assert [(file.name, file.read_text()) for file in Path("given").iterdir()] == [
        (".job", "slurm 7")
    ]


def test_no_trace_is_left_where_a_run_may_not_start() -> None:
    folder = create_run_folder(Path("given"))
    assert not list(folder.iterdir())
    (folder / "metrics.csv").touch()
    with pytest.raises(UsageError):
        create_run_folder(folder, "slurm 7")
    assert [file.name for file in folder.iterdir()] == ["metrics.csv"]


def test_a_configuration_is_there_as_a_whole_or_not_at_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def killed(old: Path, new: Path) -> None:
        if Path(new).name == "config.yaml":
            raise KilledError
        os.rename(old, new)

    parser, given = ArgumentParser(), Path("given")
    parser.add_argument("--trainer", type=dict[str, Any], default={"logger": False})
    parser.add_argument("--run_folder", default=None)
    trainer = quiet_trainer(given)
    write = WriteConfig(parser, parser.get_defaults())
    with monkeypatch.context() as kills:
        kills.setattr(os, "replace", killed)
        with pytest.raises(KilledError):
            write.save_config(trainer, LightningModule(), "fit")
    assert not (given / "config.yaml").exists()
    assert yaml.safe_load((given / "machine.yaml").read_text())["processes"] == 1
    write.save_config(trainer, LightningModule(), "fit")
    assert yaml.safe_load((given / "config.yaml").read_text())["trainer"] == {"logger": False}


def test_a_job_that_starts_again_trains_what_it_did() -> None:
    config: dict[str, Any] = {
        **{"seed_everything": 0, "ckpt_path": None, "model": {"init_args": {"widths": [16, 8]}}},
        **{"data": {"class_path": "MNIST"}, "trainer": {"max_epochs": 2, "logger": None}},
    }
    folder = Path("given")
    check_same_run(folder, config)  # it was stopped before it had written anything
    folder.mkdir()
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    logger = {"init_args": {"id": "abc"}}
    check_same_run(
        folder, {**config, "ckpt_path": "last", "trainer": {"max_epochs": 2, "logger": logger}}
    )
    with pytest.raises(
        UsageError, match=r"got `model.init_args.widths.1` 4 and in 'given/con.* 8;"
    ):
        check_same_run(folder, {**config, "model": {"init_args": {"widths": [16, 4]}}})
    with pytest.raises(UsageError, match=r"got `trainer.max_epochs` None and in .* 2; put"):
        check_same_run(folder, {**config, "trainer": {}})
    with pytest.raises(UsageError, match=r"got `seed_everything` 1 and in .* put that back, or"):
        check_same_run(folder, {**config, "seed_everything": 1})


def test_a_given_empty_folder_will_do() -> None:
    Path("given").mkdir()
    assert create_run_folder(Path("given")) == Path("given")


def test_latest_checkpoint_is_the_newest() -> None:
    for age, run in enumerate(("c", "a", "b")):
        checkpoint = Path("runs/name") / run / "checkpoints" / "last.ckpt"
        checkpoint.parent.mkdir(parents=True)
        checkpoint.touch()
        os.utime(checkpoint, (1000 - age, 1000 - age))
    assert latest_checkpoint("name") == Path("runs/name/c/checkpoints/last.ckpt")
    with pytest.raises(UsageError, match=r"runs/other/\*/checkpoints/last\.ckpt, and there is"):
        latest_checkpoint("other")


def test_options_of_a_run() -> None:
    folder = Path("runs/name/a")
    with pytest.raises(UsageError, match=r"needs the folder of a run, with config\.yaml in it"):
        of_run(folder)
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "config.yaml").touch()
    with pytest.raises(UsageError, match=r"with checkpoints/last\.ckpt in it, got 'runs/name/a'"):
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
    folders = {new_samples_folder(checkpoint) for _ in range(5)}
    assert len(folders) == 5
    assert {folder.parent for folder in folders} == {Path("runs/name/a/samples")}
