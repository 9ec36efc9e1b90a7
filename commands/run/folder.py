"""The folder that holds everything a run leaves: images, checkpoints, metrics, configuration."""

import fcntl
import os
import secrets
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path

import yaml

from commands.errors import UsageError
from lightning_modules.base.checkpoints import read_checkpoint

__all__ = [
    "CONFIG",
    "LAST_CHECKPOINT",
    "checkpoints_in",
    "choose_run_folder",
    "create_run_folder",
    "forget_run_folder",
    "latest_checkpoint",
    "new_samples_folder",
    "newest",
    "newest_first",
    "of_run",
    "run_of",
]

# tells the processes that a launcher starts what the first one chose
_INHERITED = "HAWC_RUN_FOLDER"
_claims: list[int] = []  # descriptors of the folder of this process's run, open as long as it is
_LAUNCH = ".job"
# what a config.yaml that a run wrote sets, and hardly one that a user wrote
_WRITTEN = {"data", "model", "name", "run_folder", "trainer"}
CONFIG = "config.yaml"
"""Of a run's folder, in which nothing else must lie for it to be one."""
LAST_CHECKPOINT = "checkpoints/last.ckpt"
"""Of a run's folder, unless the user's own callbacks save instead."""


def choose_run_folder(requested: str | None, name: str, job_name: str | None = None) -> Path:
    """Returns `requested`, what the launching process chose, or runs/<name>/<date and time>.

    Instead of date and time stands the name of a job whose processes start by themselves.

    Raises:
        UsageError: if the name leads out of runs/.
    """
    if inherited := os.environ.get(_INHERITED):
        return Path(inherited)
    if requested is not None:
        return Path(requested)
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise UsageError(
            f"`name` must be that of a folder within runs, got '{name}'; name a place elsewhere "
            "with --run_folder."
        )
    return Path("runs") / name / (job_name or _new_name())


def create_run_folder(folder: Path, launch: str | None = None, again: bool = False) -> Path:
    """Creates the folder for this run alone and tells processes that are launched from here.

    Args:
        folder: of the run.
        launch: of the job that the run is part of, None if it is part of none.
        again: whether the job has started before; it may then go on in a folder that it made.

    Raises:
        UsageError: if the folder cannot be written, or holds something that is not this job's.
    """
    mark, new_mark = folder / _LAUNCH, folder / f"{_LAUNCH}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        is_ours = again or _claim(folder)  # what a job left running may still hold its claim
        # a start that was killed here leaves its part of a mark, which occupies nothing
        occupied = next((file for file in folder.iterdir() if file != new_mark), None)
        if is_ours:
            new_mark.write_text(launch or "")
    except OSError as error:
        raise UsageError(
            f"`run_folder` must be a writable folder, got '{folder}' ({error.strerror}); "
            "name another one with --run_folder."
        ) from error
    goes_on = again and mark.exists() and mark.read_text() == launch
    if not is_ours or (occupied is not None and not goes_on):
        if is_ours:
            new_mark.unlink()
            _give_up_claims()
        found = f"with {occupied.name} in it" if occupied else "which another run has just taken"
        raise UsageError(
            f"`run_folder` must be new or empty, got '{folder}' {found}; name another one with "
            "--run_folder or leave it out."
        )
    if launch is None:
        new_mark.unlink()
    else:
        os.replace(new_mark, mark)
    os.environ[_INHERITED] = str(folder.absolute())
    return folder


def forget_run_folder() -> None:
    """Lets the next run in this process have a folder of its own."""
    os.environ.pop(_INHERITED, None)
    _give_up_claims()


def _claim(folder: Path) -> bool:
    """Returns whether no other process starts a run there.

    None does until this one, and what it has forked, has ended.

    It takes seconds until a run writes its first file. Where folders cannot be locked, as on NFS,
    whoever starts meanwhile is not seen.
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


def _give_up_claims() -> None:
    while _claims:
        os.close(_claims.pop())


def latest_checkpoint(
    name: str, preferred: Callable[[Path], bool] | None = None, elsewhere: Sequence[str] = ()
) -> Path:
    """Returns the newest checkpoint of that run of a name which saved last.

    Args:
        name: of the experiment.
        preferred: see `newest`.
        elsewhere: folders outside of runs/ where the configured callbacks save.

    Raises:
        UsageError: if no run of that name has one.
    """
    saved = [files for run in (Path("runs") / name).glob("*") if (files := checkpoints_in(run))]
    if not saved:
        folders = " or ".join(f"'{folder}'" for folder in elsewhere)
        advice = f"name a file in {folders}, `dirpath` of ModelCheckpoint"
        raise UsageError(
            f"`ckpt_path` last means runs/{name}/*/{LAST_CHECKPOINT}, and there is none, nor any "
            f"other *.ckpt of these runs; {advice if folders else 'train first or name a file'}."
        )
    return newest(max(saved, key=lambda files: max(map(os.path.getmtime, files))), preferred)


def checkpoints_in(folder: Path) -> list[Path]:
    """Returns the checkpoints of a run's folder, in sub-folders too, whatever their names.

    Those of another run, whose folder lies within, are not among them.
    """
    found: list[Path] = []
    # links are followed: another disk, with more space, may hold the checkpoints
    for top, folders, files in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if not _is_run(Path(top) / name)]
        found += [file for name in files if (file := Path(top) / name).suffix == ".ckpt"]
    return [file for file in found if file.is_file()]


def newest(checkpoints: Iterable[Path], preferred: Callable[[Path], bool] | None = None) -> Path:
    """Returns the first of `newest_first`; of those that are preferred, if there is one."""
    ordered = newest_first(checkpoints)
    return next(filter(preferred, ordered), ordered[0])


def newest_first(checkpoints: Iterable[Path]) -> list[Path]:
    """Returns checkpoints by the training steps they hold, and those of as many by their time.

    The time alone would not do: in a copied folder it is that of the copy.
    """
    ages = {path: (_steps(path), path.stat().st_mtime_ns) for path in checkpoints}
    return sorted(ages, key=ages.__getitem__, reverse=True)


def of_run(folder: Path) -> tuple[str, ...]:
    """Returns the options that name a run's configuration and its newest checkpoint.

    Raises:
        UsageError: if the folder lacks one of them.
    """
    checkpoints = checkpoints_in(folder)
    has_config = (folder / CONFIG).is_file()
    if not has_config or not checkpoints:
        missing = LAST_CHECKPOINT if has_config else CONFIG
        nor = " without any *.ckpt" if has_config else ""
        raise UsageError(
            f"`export` needs the folder of a run, with {missing} in it, got '{folder}'{nor}; name "
            "such a folder, or a file each by --config and --ckpt_path."
        )
    return ("--config", str(folder / CONFIG), "--ckpt_path", str(newest(checkpoints)))


def run_of(checkpoint: Path) -> Path:
    """Returns the folder of the run that wrote a checkpoint, or the checkpoint's own folder.

    It is the nearest folder above the file that holds a run's config.yaml. A link to a file is
    followed first: the run that it leads to wrote the file. Without such a folder it is the one
    that a folder called checkpoints lies in.
    """
    for path in (checkpoint.resolve(), checkpoint.absolute()):
        for folder in path.parents:
            if _is_run(folder):
                return folder
    folder = checkpoint.parent
    return folder.parent if folder.name == "checkpoints" else folder


def new_samples_folder(checkpoint: Path) -> Path:
    """Returns where samples of a checkpoint go unless told otherwise: samples/<time> in its run."""
    return run_of(checkpoint) / "samples" / _new_name()


def _is_run(folder: Path) -> bool:
    """Returns whether a folder holds a config.yaml that a run wrote."""
    try:
        settings = yaml.safe_load((folder / CONFIG).read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return False
    return isinstance(settings, dict) and settings.keys() >= _WRITTEN


def _steps(checkpoint: Path) -> int:
    """Returns how many steps a training had made when it saved, -1 if the file does not tell."""
    try:
        return int(read_checkpoint(checkpoint, "ckpt_path").get("global_step", -1))
    except (TypeError, ValueError):
        return -1


def _new_name() -> str:
    # the random end keeps apart what many jobs start in the same second
    return f"{datetime.now():%Y-%m-%d_%H-%M-%S}-{secrets.token_hex(2)}"
