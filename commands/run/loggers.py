"""Where a run's numbers go: metrics.csv always, and W&B unless other loggers are configured.

What W&B's environment variables say (WANDB_NAME, WANDB_DIR, ...) stands wherever the user has not
configured a logger otherwise.
"""

import hashlib
import os
from pathlib import Path
from typing import Any, final

import wandb
from lightning.pytorch.loggers import CSVLogger, Logger, WandbLogger

from commands.run.cluster_job import ClusterJob
from commands.run.restart import wandb_run_id

__all__ = ["RunLoggers", "as_list"]


@final
class RunLoggers:
    """The loggers of one run.

    Args:
        run_folder: of the run.
        name: of the experiment.
        job: that the run is part of, None if it is part of none.
        goes_on: whether this start of the job continues what an earlier one logged.
        is_silent: whether W&B, being offline, would only repeat our summary.
    """

    def __init__(
        self,
        run_folder: Path,
        name: str,
        job: ClusterJob | None,
        goes_on: bool,
        is_silent: bool,
    ) -> None:
        self._run_folder = run_folder
        self._name = name
        self._job = job
        self._goes_on = goes_on
        self._is_silent = is_silent

    def complete(self, configured: Any) -> None:
        """Fills in, in place, what a configured W&B logger leaves open."""
        for logger in as_list(configured):
            if logger.class_path.endswith("WandbLogger") and logger.init_args.save_dir == ".":
                logger.init_args.save_dir = self._wandb_folder()
                logger.init_args.id = logger.init_args.id or self._wandb_id()

    def make(self, configured: Any) -> list[Logger]:
        """Returns the configured loggers or W&B, and metrics.csv before them.

        It comes first since Lightning puts checkpoints beside the first logger's files.
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
            # the logger says "allow" itself, whatever the variable says
            resume=os.environ.get("WANDB_RESUME") or "allow",
            **({} if os.environ.get("WANDB_NAME") else named),
            **(silent if self._is_silent else {}),
        )
        logger._wandb_init.pop("anonymous", None)  # private; W&B always warns of it
        return logger

    def _wandb_folder(self) -> str:
        # W&B's service keeps the working directory that it was started in
        return os.path.abspath(os.environ.get("WANDB_DIR") or self._run_folder)

    def _wandb_id(self) -> str | None:
        """Returns the id of the W&B run that a job goes on with, None where W&B chooses one."""
        if self._job is None or os.environ.get("WANDB_RUN_ID"):
            return None
        if os.environ.get("WANDB_DIR"):  # where other runs are too, so all starts agree on an id
            own = f"{self._job.launch} {self._run_folder.absolute()}"
            return hashlib.sha256(own.encode()).hexdigest()[:8]
        return wandb_run_id(self._run_folder) if self._goes_on else None


def as_list(value: Any) -> list[Any]:
    """Returns what one option that takes a list, one example, null or a boolean configures."""
    if value is None or isinstance(value, bool):
        return []
    return list(value) if isinstance(value, list) else [value]
