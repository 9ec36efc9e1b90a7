"""The loggers of a run: metrics.csv and, unless others are configured, W&B.

W&B's environment variables (WANDB_NAME, WANDB_DIR, ...) are kept unless the user has configured the
logger. Without a key W&B logs offline. A job that starts again continues its metrics.csv and its
W&B run.
"""

import csv
import hashlib
import netrc
import os
from pathlib import Path
from typing import Any, final
from urllib.parse import urlparse

import wandb
from lightning.pytorch.loggers import CSVLogger, Logger, WandbLogger

from commands.errors import UsageError
from commands.run.cluster_job import ClusterJob

__all__ = ["RunLoggers", "as_list", "continue_metrics", "settle_wandb_mode", "wandb_run_id"]

_MODES = ("online", "offline", "shared", "disabled", "dryrun", "run")


@final
class RunLoggers:
    """Completes and creates the loggers of one run.

    Args:
        run_folder: of the run.
        name: of the experiment.
        job: that the run is part of, or None.
        is_restart: whether the job starts again and continues what its earlier start logged.
        is_silent: whether W&B prints nothing, because its offline messages repeat our summary.
    """

    def __init__(
        self,
        run_folder: Path,
        name: str,
        job: ClusterJob | None,
        is_restart: bool,
        is_silent: bool,
    ) -> None:
        self._run_folder = run_folder
        self._name = name
        self._job = job
        self._is_restart = is_restart
        self._is_silent = is_silent

    def complete(self, configured: Any) -> None:
        """Fills in, in place, the missing folder and id of a configured W&B logger."""
        for logger in as_list(configured):
            if logger.class_path.endswith("WandbLogger") and logger.init_args.save_dir == ".":
                logger.init_args.save_dir = self._wandb_folder()
                logger.init_args.id = logger.init_args.id or self._wandb_id()

    def make(self, configured: Any) -> list[Logger]:
        """Returns a CSVLogger, then the configured loggers or W&B.

        The CSVLogger comes first: Lightning puts checkpoints beside the first logger's files.
        """
        loggers = [self._default_wandb()] if configured in (None, True) else as_list(configured)
        if not any(isinstance(logger, CSVLogger) for logger in loggers):
            loggers = [CSVLogger(self._run_folder, name="", version=""), *loggers]
        return loggers

    def _default_wandb(self) -> WandbLogger:
        named = {"name": f"{self._name}/{self._run_folder.name}"}
        silent = {"settings": wandb.Settings(silent=True)}
        logger = WandbLogger(
            save_dir=self._wandb_folder(),
            project=os.environ.get("WANDB_PROJECT") or "hawc",
            id=self._wandb_id(),
            # Lightning's default, "allow", would beat the variable
            resume=os.environ.get("WANDB_RESUME") or "allow",
            **({} if os.environ.get("WANDB_NAME") else named),
            **(silent if self._is_silent else {}),
        )
        # W&B warns of this setting in every run; private: docs/private-names.md
        logger._wandb_init.pop("anonymous", None)
        return logger

    def _wandb_folder(self) -> str:
        # absolute: W&B's service keeps the working directory in which it was started
        return os.path.abspath(os.environ.get("WANDB_DIR") or self._run_folder)

    def _wandb_id(self) -> str | None:
        """Returns the id of the W&B run that a job continues, None if W&B chooses one."""
        if self._job is None or os.environ.get("WANDB_RUN_ID"):
            return None
        if os.environ.get("WANDB_DIR"):  # holds other runs too, so the id comes from the job
            identity = f"{self._job.launch} {self._run_folder.absolute()}"
            return hashlib.sha256(identity.encode()).hexdigest()[:8]
        return wandb_run_id(self._run_folder) if self._is_restart else None


def as_list(value: Any) -> list[Any]:
    """Returns a list of what an option holds: a list, one value, null or a boolean."""
    if value is None or isinstance(value, bool):
        return []
    return list(value) if isinstance(value, list) else [value]


def settle_wandb_mode() -> str | None:
    """Sets WANDB_MODE to offline if neither a mode nor a key is set.

    Returns:
        A line that says how to go online, or None if the user has already chosen.

    Raises:
        UsageError: if WANDB_MODE is not a mode of W&B.
    """
    mode = os.environ.get("WANDB_MODE")
    if mode and mode not in _MODES:
        raise UsageError(f"WANDB_MODE must be online, offline or disabled, got '{mode}'; unset it.")
    if mode or _has_key():
        return None
    os.environ["WANDB_MODE"] = "offline"
    return (
        "W&B: no API key found, logging offline (upload later with `wandb sync`; `wandb login` or "
        "WANDB_API_KEY=... to go online, WANDB_MODE=disabled to switch off)"
    )


def wandb_run_id(run_folder: Path) -> str | None:
    """Returns the id of the W&B run whose files a run folder holds, or None."""
    folders = sorted((run_folder / "wandb").glob("*run-*-*"))
    # [offline-]run-<date>_<time>-<id>; an id chosen by the user may hold "-" itself
    return folders[-1].name.partition("run-")[2].partition("-")[2] if folders else None


def continue_metrics(logger: CSVLogger) -> None:
    """Makes a logger append to an existing metrics.csv, which Lightning would delete.

    Lightning deletes the file when the logger's writer is created. So the file has another name
    during that call.
    """
    file = Path(logger.log_dir) / "metrics.csv"
    kept = file.with_suffix(".kept")
    if kept.exists():  # an earlier start was killed between the two renames
        kept.replace(file)
    if not file.exists():
        return
    _cut_unfinished_line(file)
    file.rename(kept)
    writer = logger.experiment
    kept.rename(file)
    with file.open(newline="") as lines:
        writer.metrics_keys = next(csv.reader(lines), [])


def _cut_unfinished_line(file: Path) -> None:
    """Removes an incomplete last line, left by a process that was killed."""
    content = file.read_bytes()
    with file.open("r+b") as lines:
        lines.truncate(content.rfind(b"\n") + 1)


def _has_key() -> bool:
    if os.environ.get("WANDB_API_KEY") or os.environ.get("WANDB_IDENTITY_TOKEN_FILE"):
        return True
    host = urlparse(wandb.Settings().base_url).hostname
    files = [os.environ["NETRC"]] if "NETRC" in os.environ else ["~/.netrc", "~/_netrc"]
    for file in files:
        path = Path(file).expanduser()
        try:
            if path.is_file() and host and netrc.netrc(path).authenticators(host):
                return True
        except (OSError, netrc.NetrcParseError):
            continue  # W&B could not read a key from it either
    return False
