"""Runs the command in sys.argv and prints errors of the user as one line."""

import contextlib
import errno
import logging
import os
import signal
import sys
import threading
import warnings
from pathlib import Path

import jsonargparse
import wandb
from lightning.pytorch.utilities import rank_zero_only
from omegaconf.errors import OmegaConfBaseException

import callbacks  # noqa: F401  (imported so that short class names are known)
import networks  # noqa: F401
from callbacks.preemption import Preempted
from commands.errors import UsageError, exit_with_error, nearest
from commands.experiment import COMMANDS, ExperimentCLI
from commands.performance import keep_freed_memory
from commands.run.cluster_job import requeue, slurm_environment
from commands.run.config_files import check_config_files
from commands.run.error_origin import refuses_options, user_code_location
from commands.run.folder import forget_run_folder, of_run
from commands.run.processes import lost_process
from datamodules import DataError
from hawc.history import HistoryConflictError, HistoryStoreError
from lightning_modules import TrainingError

__all__ = ["run"]

_UPLOAD_SECONDS = 30.0  # of the 120 that slurm.sbatch leaves between the signal and the end


def run() -> None:
    """Runs the command in sys.argv; ends with status 2 and one line if it is wrong."""
    if "SLURM_JOB_ID" in os.environ:
        # SIGUSR1 says that the job's time is nearly over. Only a training that has begun and can
        # be resumed reacts; the default action would end any other command too early
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    _quieten()
    keep_freed_memory()
    # last, so that no file of the user replaces a module that this program imports
    if (working_folder := os.getcwd()) not in sys.path:
        sys.path.append(working_folder)
    # by default absolute keys such as ${data.init_args.batch_size} are resolved below the command
    jsonargparse.set_parsing_settings(omegaconf_absolute_to_relative_paths=True)
    try:
        sys.argv[1:] = _with_command(sys.argv[1:])
        check_config_files(sys.argv[1:])
        ExperimentCLI()
    except Preempted as stop:
        _end_early(stop)
        _end_wandb()
    except Exception as error:
        if (explained := _explain(error)) is None:
            raise
        line, status = explained
        exit_with_error(f"{line}{_location(error)}", status)
    finally:
        forget_run_folder()
        _finish_wandb()  # or the next run in this process would be logged into this one


def _explain(error: Exception) -> tuple[str, int] | None:
    """Returns the line and the exit status of an error, or None if it is a bug."""
    match error:
        case UsageError() | DataError():
            return str(error), 2
        case OmegaConfBaseException():
            reason = str(error).splitlines()[0]
            option = str(error.full_key).removeprefix(f"{sys.argv[1]}.")
            return f"`{option}` holds an interpolation that cannot be resolved: {reason}.", 2
        case wandb.errors.UsageError() | wandb.errors.CommError():
            is_offline = os.environ.get("WANDB_MODE") == "offline"
            offline = "correct that setting, or set WANDB_MODE=disabled to run without W&B"
            online = "set WANDB_MODE=offline to log without a connection"
            return f"W&B cannot be used ({error}); {offline if is_offline else online}.", 2
        case HistoryStoreError() | HistoryConflictError() | TrainingError():
            return str(error), 1
        case RuntimeError() if line := lost_process(error):
            return line, 1
        case _ if refuses_options(error):
            return str(error), 1
        case OSError(errno=errno.EACCES | errno.EROFS | errno.EFBIG | errno.EIO) if error.filename:
            problem = f"'{error.filename}' cannot be read or written ({error.strerror})"
            return f"{problem}; check its permissions, limits and disk, or name another place.", 1
        case OSError(errno=errno.ENOSPC | errno.EDQUOT):
            kept = f" ('{error.filename}' is unchanged)" if error.filename else ""
            return f"no space is left on a disk{kept}; free some or name another folder.", 1
    return None


def _location(error: BaseException | None) -> str:
    """Returns file and line of the user's code in an error or one of its causes."""
    if isinstance(error, OSError) and error.errno != errno.EACCES:
        return ""  # the disk is the cause, not that line
    while error is not None:
        if location := user_code_location(error):
            return f" ({location})"
        error = error.__cause__
    return ""


def _with_command(arguments: list[str]) -> list[str]:
    """Returns the arguments, preceded by `fit` if they name no command."""
    if arguments == ["export"]:
        raise UsageError("`export` needs a run's folder, e.g. train.py export runs/<name>/<time>.")
    if not arguments or arguments in ([command] for command in COMMANDS):
        raise UsageError(
            "an experiment is required, e.g. train.py --config configs/energy_vae_mnist5k.yaml."
        )
    first = arguments[0]
    if first == "export" and not arguments[1].startswith("-"):
        return ["export", *of_run(Path(arguments[1])), *arguments[2:]]
    if first in (*COMMANDS, "-h", "--help"):
        return arguments
    if not first.startswith("-"):
        raise UsageError(
            f"unknown command {first}.{nearest(first, COMMANDS)} Known: {', '.join(COMMANDS)}."
        )
    return ["fit", *arguments]


def _end_early(stop: Preempted) -> None:
    """Puts a job whose time is over back into the queue."""
    if not stop.wants_requeue or slurm_environment() is None:
        return
    # if the signal ended this process, SLURM would end the job before it is queued again
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _queue_again(stop)


@rank_zero_only
def _queue_again(stop: Preempted) -> None:
    # SLURM ends all processes of a job as soon as it is queued. So W&B uploads first, but not
    # longer than the job's time allows; the rest stays in the run folder
    last_upload = threading.Thread(target=_end_wandb, daemon=True)
    last_upload.start()
    last_upload.join(_UPLOAD_SECONDS)
    print("time is nearly over: the job returns to the queue and continues later", flush=True)
    if reason := requeue():
        exit_with_error(f"the job could not be queued again ({reason}); {stop}.", status=1)


def _finish_wandb() -> None:
    if wandb.run is None:
        return
    try:
        wandb.finish()
    except ConnectionError:  # SLURM's SIGTERM has ended W&B's service too
        with contextlib.suppress(ConnectionError):
            wandb.teardown()


def _end_wandb() -> None:
    """Ends W&B's run and service after a signal, before W&B's own exit hook runs.

    The signal has reached the service too, and W&B fails in several ways without it. Files that are
    not uploaded stay in the run folder.
    """
    for end in (wandb.finish, wandb.teardown):
        with contextlib.suppress(Exception, SystemExit):
            end()


def _quieten() -> None:
    """Silences notes of libraries, so that an error is the only line on stderr.

    `ExperimentCLI` shows Lightning's notes again after all checks have passed. Its advertisements
    and warnings about internals of libraries stay hidden.
    """
    for package in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(package).setLevel(logging.WARNING)
        rank_zero = logging.getLogger(f"{package}.utilities.rank_zero")
        rank_zero.addFilter(lambda record: "Tip:" not in record.getMessage())
    # a resumed run writes to a new folder
    notes = ("The dirpath has changed", "Total length of", "Experiment logs directory")
    # adversarial models have no validation step, and data modules do not know the model
    notes += ("You passed in a `val_dataloader` but have no `validation_step`",)
    # a checkpoint after a batch is meant to hold the weights after its steps
    notes += ("Using ModelCheckpoint with manual optimization and every_n_train_steps",)
    # the first process logs these for all: its times, and metrics of all processes together
    keys = "sampling|time|health|modes|quality"
    notes += ("Checkpoint directory", rf"It is recommended to use `self.log\('({keys})/")
    # Lightning warns of `srun` wherever SLURM is installed; cluster_job.py knows when it matters
    for message in (".*LeafSpec.*is deprecated", "The `srun` command is available", *notes):
        warnings.filterwarnings("ignore", message=message)
