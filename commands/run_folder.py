"""The folder that holds everything a run leaves: pictures, checkpoints, metrics, configuration."""

import fcntl
import os
import platform
import secrets
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, final

import torch
import yaml
from jsonargparse import ArgumentParser, Namespace
from lightning import LightningModule, Trainer
from lightning.pytorch.cli import SaveConfigCallback
from lightning.pytorch.loggers import WandbLogger

from commands.errors import UsageError
from commands.sample_files import replace_file

__all__ = [
    "LAST_CHECKPOINT",
    "WriteConfig",
    "check_same_run",
    "choose_run_folder",
    "create_run_folder",
    "forget_run_folder",
    "latest_checkpoint",
    "new_samples_folder",
    "of_run",
    "resolved_config",
    "run_of",
]

# tells the processes that a launcher starts what the first one chose
_INHERITED = "HAWC_RUN_FOLDER"
_claims: list[int] = []  # descriptors of the folder of this process's run, open as long as it is
_CONFIG = "config.yaml"
_LAUNCH = ".job"
_COMPARED = ("seed_everything", "model", "data", "trainer")
LAST_CHECKPOINT = "checkpoints/last.ckpt"
"""Of a run's folder."""


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


def latest_checkpoint(name: str) -> Path:
    """Returns the last checkpoint of the newest run of that name.

    Raises:
        UsageError: if no run of that name has one.
    """
    found = sorted((Path("runs") / name).glob(f"*/{LAST_CHECKPOINT}"), key=os.path.getmtime)
    if not found:
        raise UsageError(
            f"`ckpt_path` last means runs/{name}/*/{LAST_CHECKPOINT}, and there is none; train "
            "first or name a file."
        )
    return found[-1]


def of_run(folder: Path) -> tuple[str, ...]:
    """Returns the options that name a run's configuration and its last checkpoint.

    Raises:
        UsageError: if the folder lacks one of them.
    """
    for name in (_CONFIG, LAST_CHECKPOINT):
        if not (folder / name).is_file():
            raise UsageError(
                f"`export` needs the folder of a run, with {name} in it, got '{folder}'; name such "
                "a folder, or a file each by --config and --ckpt_path."
            )
    return ("--config", str(folder / _CONFIG), "--ckpt_path", str(folder / LAST_CHECKPOINT))


def run_of(checkpoint: Path) -> Path:
    """Returns the folder of the run that wrote a checkpoint, or the checkpoint's own folder."""
    folder = checkpoint.parent
    return folder.parent if folder.name == "checkpoints" else folder


def new_samples_folder(checkpoint: Path) -> Path:
    """Returns where samples of a checkpoint go unless told otherwise: samples/<time> in its run."""
    return run_of(checkpoint) / "samples" / _new_name()


def _new_name() -> str:
    # the random end keeps apart what many jobs start in the same second
    return f"{datetime.now():%Y-%m-%d_%H-%M-%S}-{secrets.token_hex(2)}"


def resolved_config(parser: ArgumentParser, config: Namespace) -> dict[str, Any]:
    """Returns what a run is configured to do, defaults included, as config.yaml tells it."""
    dumped: dict[str, Any] = yaml.safe_load(parser.dump(config, skip_none=False, format="yaml"))
    return dumped


def check_same_run(folder: Path, config: Mapping[str, Any]) -> None:
    """Raises UsageError if a run folder's config.yaml says another training than this one.

    A job may hold several runs, and files that configure one may change while it waits to start
    again. Loggers and where a run starts from are not compared.
    """
    file = folder / _CONFIG
    if not file.exists():
        return  # it was stopped before its first step
    before, now = (_flat({k: c[k] for k in _COMPARED}) for c in (_read(file), config))
    for key in sorted(before | now):
        was, is_now = before.get(key), now.get(key)
        if was != is_now and not key.startswith("trainer.logger"):
            raise UsageError(
                f"a job that starts again must train what it did before, got `{key}` {is_now} and "
                f"in '{file}' {was}; put that back, or start another job, with --ckpt_path."
            )


@final
class WriteConfig(SaveConfigCallback):
    """Writes the resolved configuration to <run folder>/config.yaml and into the W&B run.

    Beside it machine.yaml says what times of this run depend on.
    """

    def save_config(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        config = resolved_config(self.parser, self.config)
        config["run_folder"] = None  # a run from this file gets a folder of its own
        folder = Path(trainer.default_root_dir)
        if (folder / _CONFIG).exists():
            return  # a job that starts again: it stays what the user gave
        loggers = config["trainer"]["logger"]
        for logger in loggers if isinstance(loggers, list) else [loggers]:
            settings = logger.get("init_args", {}) if isinstance(logger, dict) else {}
            if settings.get("save_dir") == str(folder.absolute()):
                settings["save_dir"] = "."  # likewise
        folder.mkdir(parents=True, exist_ok=True)
        # last the file that a job which starts again looks for
        for name, content in {"machine.yaml": _machine(trainer), _CONFIG: config}.items():
            replace_file(folder / name, yaml.safe_dump(content, sort_keys=False).encode())
        for logger in trainer.loggers:
            if isinstance(logger, WandbLogger):
                logger.experiment.config.update({"cli": config}, allow_val_change=True)


def _read(file: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(file.read_text())
    return content


def _flat(value: Any, key: str = "") -> dict[str, Any]:
    """Returns the numbers and texts in nested dictionaries and lists, by their dotted names."""
    if isinstance(value, list):
        value = dict(enumerate(value))
    if not isinstance(value, dict):
        return {key: value}
    parts = (_flat(part, f"{key}.{name}" if key else str(name)) for name, part in value.items())
    return {name: part for flat in parts for name, part in flat.items()}


def _machine(trainer: Trainer) -> dict[str, Any]:
    device = trainer.strategy.root_device
    return {
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "cpu": f"{os.cpu_count()} cores, {platform.machine()}",
        "threads": torch.get_num_threads(),
        "processes": trainer.world_size,
        "torch": str(torch.__version__),
    }
