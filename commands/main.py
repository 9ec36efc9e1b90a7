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
from typing import Any, NoReturn

import jsonargparse
import wandb
from lightning.pytorch.utilities import rank_zero_only
from omegaconf.errors import OmegaConfBaseException

import callbacks  # noqa: F401  (imported so that short class names are known)
import networks  # noqa: F401
from callbacks.base.run_folder import RunFolderLostError
from callbacks.preemption import Preempted
from commands.errors import UsageError, exit_with_error, nearest
from commands.experiment import COMMANDS, ExperimentCLI
from commands.performance import keep_freed_memory
from commands.run.cluster_job import requeue, slurm_environment
from commands.run.config_files import check_config_files
from commands.run.error_origin import refuses_options, user_code_location
from commands.run.folder import INHERITED, forget_run_folder, of_run
from commands.run.processes import lost_process
from configuration.environment import forget_environment
from datamodules import DataError
from hawc.history import HistoryConflictError, HistoryStoreError
from hawc.printable import printable
from lightning_modules import TrainingError

__all__ = ["run"]

_INTERRUPTED = 128 + signal.SIGINT  # the shell's status for a program that Ctrl-C has ended
# also of network disks: ESTALE of NFS, ENOTCONN of FUSE, EHOSTDOWN of CIFS
_OF_A_DISK = (
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.EFBIG, errno.EIO, errno.ENXIO, errno.ENODEV),
    *(errno.ESTALE, errno.ENOTCONN, errno.EHOSTDOWN, errno.EMFILE, errno.ENFILE),
)
_format_warning = warnings.formatwarning
_UPLOAD_SECONDS = 30.0  # of the 120 that slurm.sbatch leaves between the signal and the end


def run() -> None:
    """Runs the command in sys.argv; ends with status 2 and one line if it is wrong."""
    try:
        _run()
    except (KeyboardInterrupt, SystemExit) as end:
        # Lightning replaces KeyboardInterrupt by SystemExit, after its own tidying up
        if any(isinstance(error, KeyboardInterrupt) for error in (end, end.__context__)):
            _end_interrupted()
        raise


def _run() -> None:
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
    jsonargparse.set_parsing_settings(
        omegaconf_absolute_to_relative_paths=True,
        import_path_denylist=[],  # besides the parser's own list of dangerous modules
    )
    forget_environment()
    try:
        sys.argv[1:] = _with_command(sys.argv[1:])
        check_config_files(sys.argv[1:])
        ExperimentCLI()
        _finish_wandb()
    except Preempted as stop:
        _end_early(stop)
        _end_wandb()
    except Exception as error:
        if (explained := _explain(error)) is None:
            raise
        line, status = explained
        exit_with_error(f"{line}{_location(error)}", status)
    finally:
        with contextlib.suppress(OSError):  # of the disk that ended the run
            _finish_wandb()  # or the next run in this process would be logged into this one
        forget_run_folder()


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
        case HistoryStoreError() | HistoryConflictError() | TrainingError() | RunFolderLostError():
            return str(error), 1
        case RuntimeError() if line := lost_process(error):
            return line, 1
        case _ if refuses_options(error):
            return str(error), 1
        case OSError():
            return _explain_disk(error)
    return None


def _explain_disk(error: OSError) -> tuple[str, int] | None:
    """Returns the line and the exit status of a disk's error, or None if it is a bug.

    Python names the file if it cannot be opened, but not if it cannot be written to its end.
    """
    run_folder = os.environ.get(INHERITED)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        files = f"the checkpoints of '{run_folder}' are" if run_folder else "earlier files are"
        kept = f"'{error.filename}' is" if error.filename else files
        line = f"no space is left on a disk ({kept} unchanged); free some or name another folder."
        return line, 1
    if error.filename and not (folder := Path(str(error.filename)).parent).exists():
        lost = f"the folder '{folder}' was removed or renamed meanwhile; name another one."
        return None if user_code_location(error) else (lost, 1)
    if error.errno not in _OF_A_DISK:
        return None
    place = error.filename or run_folder or os.getcwd()
    problem = f"'{place}' cannot be read or written ({error.strerror})"
    return f"{problem}; check its permissions, limits and disk, or name another place.", 1


def _location(error: BaseException | None) -> str:
    """Returns file and line of the user's code in an error or one of its causes."""
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


def _end_interrupted() -> NoReturn:
    """Ends the command after Ctrl-C; a second Ctrl-C ends the program at once."""
    signal.signal(signal.SIGINT, lambda *_: os._exit(_INTERRUPTED))
    try:
        exit_with_error("interrupted.", _INTERRUPTED)
    finally:
        with contextlib.suppress(OSError):
            _finish_wandb()
        signal.signal(signal.SIGINT, signal.default_int_handler)


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
    logging.raiseExceptions = False  # W&B's log on a full disk: a traceback for each of its lines
    unsaid = ("Tip:", "Detected KeyboardInterrupt")
    for package in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(package).setLevel(logging.WARNING)
        rank_zero = logging.getLogger(f"{package}.utilities.rank_zero")
        rank_zero.addFilter(lambda record: not any(x in record.getMessage() for x in unsaid))
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
    warnings.formatwarning = _printable_warning  # they name foreign files and columns


def _printable_warning(*arguments: Any, **options: Any) -> str:
    return printable(_format_warning(*arguments, **options), keep_newlines=True)
