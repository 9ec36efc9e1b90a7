"""From sys.argv to a run, and from an error that is the user's to mend to one line on stderr."""

import errno
import logging
import sys
import warnings
from pathlib import Path

import jsonargparse
import wandb
from omegaconf.errors import OmegaConfBaseException

import callbacks  # noqa: F401  (imported so that short class names are known)
import networks  # noqa: F401
from commands.config_files import check_config_files
from commands.errors import UsageError, fail, nearest
from commands.experiment import COMMANDS, ExperimentCLI
from commands.kept_memory import keep_freed_memory
from commands.run_folder import forget_run_folder, of_run
from datamodules import DataError
from hawc import HistoryConflictError, HistoryStoreError
from lightning_modules import TrainingError

__all__ = ["run"]


def run() -> None:
    """Runs what sys.argv says; ends with status 2 and one line where that cannot be done."""
    _quieten()
    keep_freed_memory()
    # absolute keys such as ${data.init_args.batch_size} are sought below the command otherwise
    jsonargparse.set_parsing_settings(omegaconf_absolute_to_relative_paths=True)
    try:
        sys.argv[1:] = _with_command(sys.argv[1:])
        check_config_files(sys.argv[1:])
        ExperimentCLI()
    except (UsageError, DataError) as error:
        fail(str(error))
    except OmegaConfBaseException as error:
        reason = str(error).splitlines()[0]
        option = str(error.full_key).removeprefix(f"{sys.argv[1]}.")
        fail(f"`{option}` holds an interpolation that cannot be resolved: {reason}.")
    except (HistoryStoreError, HistoryConflictError, TrainingError) as error:
        fail(str(error), status=1)
    except (wandb.errors.UsageError, wandb.errors.CommError) as error:
        fail(f"W&B cannot be used ({error}); set WANDB_MODE=offline to log without it.")
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        kept = f" ('{error.filename}' is as it was)" if error.filename else ""
        fail(f"no space is left on a disk{kept}; free some or name another folder.", status=1)
    finally:
        forget_run_folder()
        if wandb.run is not None:
            wandb.finish()  # or a next run in this process would be logged into this one


def _with_command(arguments: list[str]) -> list[str]:
    """Returns the arguments with `fit` before them if they name no command."""
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
    notes = ("The dirpath has changed", "Total length of", ".*LeafSpec.*is deprecated")
    for message in (*notes, "The `srun` command is available"):  # wherever SLURM is installed
        warnings.filterwarnings("ignore", message=message)
