"""The folder of a run, with its images, checkpoints, metrics and configuration."""

import fcntl
import os
import secrets
import tempfile
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path

import yaml

from commands.errors import UsageError
from commands.run.config_files import read_yaml
from hawc.io.files import atomic_write, read_regular, remove_leftovers
from hawc.io.folders import foreign_file, is_within, walk
from hawc.printable import printable
from lightning_modules.base.checkpoints import steps_of

__all__ = [
    *("CONFIG", "INHERITED", "LAST_CHECKPOINT", "checkpoints_in", "choose_run_folder", "claim"),
    *("create_run_folder", "default_place", "forget_run_folder"),
    *("latest_checkpoint", "new_name", "newest", "of_run", "run_of"),
]

_claims: list[int] = []  # descriptors of locked folders
_LAUNCH = ".job"  # file that holds the identity of the job
# keys of a config.yaml that a run has written; a user's file rarely has all of them
_WRITTEN = {"data", "model", "name", "run_folder", "trainer"}
INHERITED = "HAWC_RUN_FOLDER"
"""Variable that names the folder of the run under way, for processes that a launcher starts."""
CONFIG = "config.yaml"
"""Marks a folder as that of a run."""
LAST_CHECKPOINT = "checkpoints/last.ckpt"
"""Place in a run's folder, unless the user's callbacks save elsewhere."""


def choose_run_folder(requested: str | None, name: str, job_name: str | None = None) -> Path:
    """Returns the launcher's, the requested or a new folder of a run.

    A new folder is runs/<name>/<date and time>.

    Args:
        requested: by the user, or None.
        name: of the experiment.
        job_name: name of the job of SLURM or torchrun, which replaces date and time.

    Raises:
        UsageError: if the name leads out of runs/.
    """
    if inherited := os.environ.get(INHERITED):
        return Path(inherited)
    if requested is not None:
        return Path(requested)
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise UsageError(
            f"`name` must be a folder name within runs, got '{name}'; use --run_folder for a "
            "folder elsewhere."
        )
    return Path("runs") / name / (job_name or new_name())


def create_run_folder(folder: Path, launch: str | None = None, again: bool = False) -> Path:
    """Creates the folder of this run and announces it to launched processes.

    Args:
        folder: of the run.
        launch: identity of the job that the run is part of, or None.
        again: whether the job has started before. It may then continue in a folder that it created.

    Raises:
        UsageError: if the folder cannot be written, or holds files of another run.
    """
    mark = folder / _LAUNCH
    try:
        folder.mkdir(parents=True, exist_ok=True)
        is_free = again or claim(folder)  # processes of the earlier start may still hold the claim
        # a start that was killed here leaves an unfinished mark, which does not count
        occupied = foreign_file(folder)
        with tempfile.TemporaryFile(dir=folder):
            pass  # the folder can be written
    except OSError as error:
        raise UsageError(
            f"`run_folder` must be a writable folder, got '{folder}' ({error.strerror}); "
            "name another one with --run_folder."
        ) from error
    continues = again and _holds(mark, launch)
    if not is_free or (occupied is not None and not continues):
        if is_free:
            _release_claims()
        found = (
            f"with {printable(occupied)} in it" if occupied else "which another run has just taken"
        )
        raise UsageError(
            f"`run_folder` must be new or empty, got '{folder}' {found}; name another one with "
            "--run_folder or leave it out."
        )
    for place in (folder, folder / "images", folder / "checkpoints"):
        if place == folder or not place.is_symlink():
            remove_leftovers(place)
    if launch is not None:
        with atomic_write(mark) as file:
            file.write(launch.encode())
    os.environ[INHERITED] = str(folder.absolute())
    return folder


def forget_run_folder() -> None:
    """Lets the next run in this process choose its own folder."""
    os.environ.pop(INHERITED, None)
    _release_claims()


def _holds(mark: Path, launch: str | None) -> bool:
    try:
        return not mark.is_symlink() and read_regular(mark, 4096).decode() == launch
    except (OSError, ValueError):
        return False


def claim(folder: Path) -> bool:
    """Tries to lock the folder until this process and its forks exit.

    A run writes its first file only after some seconds; the lock covers this time. File systems
    without locks, such as NFS, are not protected.

    Returns:
        False if another process holds the lock.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return False
    except OSError:
        os.close(descriptor)
        return True
    _claims.append(descriptor)
    return True


def _release_claims() -> None:
    while _claims:
        os.close(_claims.pop())


def latest_checkpoint(
    name: str, preferred: Callable[[Path], bool] | None = None, elsewhere: Sequence[str] = ()
) -> Path:
    """Returns the newest checkpoint of an experiment's most recent run.

    Args:
        name: of the experiment.
        preferred: see `newest`.
        elsewhere: folders outside runs/ in which the configured callbacks save.

    Raises:
        UsageError: if no run of the experiment has one.
    """
    saved = [files for run in (Path("runs") / name).glob("*") if (files := checkpoints_in(run))]
    if not saved:
        folders = " or ".join(f"'{folder}'" for folder in elsewhere)
        advice = f"name a file in {folders}, `dirpath` of ModelCheckpoint"
        raise UsageError(
            f"`ckpt_path` last needs a checkpoint such as runs/{name}/*/{LAST_CHECKPOINT}, got "
            f"no *.ckpt of these runs; {advice if folders else 'train first or name a file'}."
        )
    return newest(max(saved, key=lambda files: max(map(os.path.getmtime, files))), preferred)


def checkpoints_in(folder: Path) -> list[Path]:
    """Returns all *.ckpt in the first 10,000 folders of a run, except those of nested runs."""
    found: list[Path] = []
    # follows links: checkpoints may lie on another disk with more space
    for top, folders, files in walk(folder):
        folders[:] = [name for name in folders if not _is_run(top / name)]
        found += [file for name in files if (file := top / name).suffix == ".ckpt"]
    return [file for file in found if file.is_file()]


def newest(checkpoints: Iterable[Path], preferred: Callable[[Path], bool] | None = None) -> Path:
    """Returns the newest preferred checkpoint, or the newest one if none is preferred.

    Training steps count before file times, which in a copied folder are those of the copy.
    """
    ages = {path: (steps_of(path), path.stat().st_mtime_ns) for path in checkpoints}
    ordered = sorted(ages, key=ages.__getitem__, reverse=True)
    return next(filter(preferred, ordered), ordered[0])


def of_run(folder: Path) -> tuple[str, ...]:
    """Returns the options that name a run's configuration and its newest checkpoint.

    Raises:
        UsageError: if the folder lacks one of them.
    """
    checkpoints = checkpoints_in(folder)
    has_config = (folder / CONFIG).is_file()
    if not has_config or not checkpoints:
        missing = "any *.ckpt" if has_config else CONFIG
        raise UsageError(
            f"`export` needs the folder of a run, got '{folder}' without {missing}; name such a "
            "folder, or two files by --config and --ckpt_path."
        )
    return ("--config", str(folder / CONFIG), "--ckpt_path", str(newest(checkpoints)))


def run_of(checkpoint: Path) -> Path:
    """Returns the folder of the run that wrote a checkpoint.

    It is the nearest folder above the file with a run's config.yaml; links are resolved first.
    Without one it is the file's folder, or the folder above if that is called checkpoints.
    """
    for path in (Path(os.path.realpath(checkpoint)), checkpoint.absolute()):
        for folder in path.parents:
            if _is_run(folder):
                return folder
    folder = checkpoint.parent
    return folder.parent if folder.name == "checkpoints" else folder


def default_place(checkpoint: Path, name: str, option: str) -> Path:
    """Returns a place in the folder of the run that wrote a checkpoint.

    Args:
        checkpoint: may come from a stranger, with its run.
        name: of the place within the run's folder.
        option: that names another place.

    Raises:
        UsageError: if a link in the run's folder leads out of it.
    """
    run = run_of(checkpoint)
    if not is_within(place := run / name, run):
        raise UsageError(
            f"`{option}` must be given, since {name.partition('/')[0]} in '{run}' is a link that "
            f"leads elsewhere; name a place with --{option}."
        )
    return place


def _is_run(folder: Path) -> bool:
    """Returns whether a folder holds a config.yaml that a run wrote."""
    try:
        settings = read_yaml(folder / CONFIG)
    except (OSError, yaml.YAMLError):
        return False
    return isinstance(settings, dict) and settings.keys() >= _WRITTEN


def new_name() -> str:
    """Returns date and time, as the name of a folder."""
    # the random end distinguishes runs of the same second
    return f"{datetime.now():%Y-%m-%d_%H-%M-%S}-{secrets.token_hex(2)}"
