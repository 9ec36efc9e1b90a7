"""From sys.argv to a run, and from an error that is the user's to mend to one line on stderr."""

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
from commands.errors import UsageError, fail, nearest
from commands.experiment import COMMANDS, ExperimentCLI
from commands.performance import keep_freed_memory
from commands.run.cluster_job import requeue, slurm_environment
from commands.run.config_files import check_config_files
from commands.run.error_origin import place_in_users_code, refuses_options
from commands.run.folder import forget_run_folder, of_run
from commands.run.processes import lost_process
from datamodules import DataError
from hawc.history import HistoryConflictError, HistoryStoreError
from lightning_modules import TrainingError

__all__ = ["run"]

_UPLOAD_SECONDS = 30.0  # of the 120 that slurm.sbatch leaves between the signal and the end


def run() -> None:
    """Runs what sys.argv says; ends with status 2 and one line where that cannot be done."""
    if "SLURM_JOB_ID" in os.environ:
        # the time of the job is nearly over; only a training that can be left, and has begun, does
        # something then, and to anything else the default would be an early end
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    _quieten()
    keep_freed_memory()
    # last, so that nothing in it takes the place of what this program imports
    if (working_folder := os.getcwd()) not in sys.path:
        sys.path.append(working_folder)
    # absolute keys such as ${data.init_args.batch_size} are sought below the command otherwise
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
        fail(f"{line}{_place(error)}", status)
    finally:
        forget_run_folder()
        _finish_wandb()  # or a next run in this process would be logged into this one


def _explain(error: Exception) -> tuple[str, int] | None:
    """Returns what to say of an error and with which status to end, None if it is a bug."""
    match error:
        case UsageError() | DataError():
            return str(error), 2
        case OmegaConfBaseException():
            reason = str(error).splitlines()[0]
            option = str(error.full_key).removeprefix(f"{sys.argv[1]}.")
            return f"`{option}` holds an interpolation that cannot be resolved: {reason}.", 2
        case wandb.errors.UsageError() | wandb.errors.CommError():
            is_offline = os.environ.get("WANDB_MODE") == "offline"
            advice = "mend that variable or option, or set WANDB_MODE=disabled to run without W&B"
            online = "set WANDB_MODE=offline to log without it"
            return f"W&B cannot be used ({error}); {advice if is_offline else online}.", 2
        case HistoryStoreError() | HistoryConflictError() | TrainingError():
            return str(error), 1
        case RuntimeError() if line := lost_process(error):
            return line, 1
        case _ if refuses_options(error):
            return str(error), 1
        case OSError(errno=errno.EACCES | errno.EROFS | errno.EFBIG | errno.EIO) if error.filename:
            what = f"'{error.filename}' cannot be read or written ({error.strerror})"
            return f"{what}; look at its permissions, limits and disk, or name another place.", 1
        case OSError(errno=errno.ENOSPC | errno.EDQUOT):
            kept = f" ('{error.filename}' is as it was)" if error.filename else ""
            return f"no space is left on a disk{kept}; free some or name another folder.", 1
    return None


def _place(error: BaseException | None) -> str:
    """Returns the user's file and line that an error, or one it was made from, came from."""
    if isinstance(error, OSError) and error.errno != errno.EACCES:
        return ""  # of a disk, wherever in the program it shows
    while error is not None:
        if place := place_in_users_code(error):
            return f" ({place})"
        error = error.__cause__
    return ""


def _with_command(arguments: list[str]) -> list[str]:
    """Returns the arguments with `fit` before them if they name no command."""
    if arguments == ["export"]:
        raise UsageError("a run's folder is required, e.g. train.py export runs/<name>/<time>")
    if not arguments or arguments in ([command] for command in COMMANDS):
        raise UsageError(
            "an experiment is required, e.g. train.py --config configs/energy_vae_mnist5k.yaml"
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
    """Puts a job whose time is over back in the queue; its end is no error of the run."""
    if not stop.wants_requeue or slurm_environment() is None:
        return
    # of any of its processes, the end by a signal would end all of them before that is done
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _queue_again(stop)


@rank_zero_only
def _queue_again(stop: Preempted) -> None:
    # a job in the queue has no processes left, from the moment that it is there; and W&B would
    # wait until all is uploaded, beyond the job's time. What is missing lies in the run folder
    last_upload = threading.Thread(target=_end_wandb, daemon=True)
    last_upload.start()
    last_upload.join(_UPLOAD_SECONDS)
    print("time is nearly over: the job goes back into the queue and goes on by itself", flush=True)
    if reason := requeue():
        fail(f"the job could not be queued again ({reason}); {stop}.", status=1)


def _finish_wandb() -> None:
    if wandb.run is None:
        return
    try:
        wandb.finish()
    except ConnectionError:  # its service is gone: SLURM's SIGTERM goes to all processes of a job
        with contextlib.suppress(ConnectionError):
            wandb.teardown()


def _end_wandb() -> None:
    """Ends the W&B run of a process that was told to end, and the service, before W&B's own hook.

    The service was told to end too, and W&B fails in several ways where it is gone, or goes while
    it is asked; what it has not uploaded lies in the run folder.
    """
    for end in (wandb.finish, wandb.teardown):
        with contextlib.suppress(Exception, SystemExit):
            end()


def _quieten() -> None:
    """Keeps chatter off the screen, so that an error is the only line on stderr.

    Lightning's own notes come back once all checks have passed (`ExperimentCLI`); its
    advertisements and warnings about other people's internals do not.
    """
    for package in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(package).setLevel(logging.WARNING)
        rank_zero = logging.getLogger(f"{package}.utilities.rank_zero")
        rank_zero.addFilter(lambda record: "Tip:" not in record.getMessage())
    # a resumed run has a folder, and so a checkpoint folder, of its own
    notes = ("The dirpath has changed", "Total length of", "Experiment logs directory")
    # adversarial models have none, and the data modules do not know who trains on them
    notes += ("You passed in a `val_dataloader` but have no `validation_step`",)
    # a checkpoint after a batch is to hold the weights after its steps
    notes += ("Using ModelCheckpoint with manual optimization and every_n_train_steps",)
    # one process logs these for all: times of its own, what all have measured together
    own = "sampling|time|health|modes|quality"
    notes += ("Checkpoint directory", rf"It is recommended to use `self.log\('({own})/")
    # what is said wherever SLURM is installed; commands/run/cluster_job.py knows when it matters
    for message in (".*LeafSpec.*is deprecated", "The `srun` command is available", *notes):
        warnings.filterwarnings("ignore", message=message)
