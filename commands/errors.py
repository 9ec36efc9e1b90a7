"""Turns a mistake of the user into one line on stderr and exit status 2.
The code that finds the mistake raises `UsageError` with that line; a `DataError` and a `ValueError`
of a constructor count too. `commands/main.py` catches it and calls `exit_with_error`; messages of
the parser pass through `commands/messages.py` first. An error of a run under way, such as a full
disk or a loss that is not finite, becomes one line and status 1. A bug keeps its traceback.
"""

import difflib
import os
import platform
import sys
from collections.abc import Iterable
from typing import NoReturn

from configuration.environment import hide_environment
from hawc.printable import print_line, shortened

__all__ = ["UsageError", "exit_with_error", "nearest"]

_MAX_WIDTH = 800  # of a message; it may quote a path


class UsageError(ValueError):
    """A wrong argument, file or setting; its message is one or two sentences."""


def exit_with_error(message: str, status: int = 2) -> NoReturn:
    """Ends the program with the message as one line on stderr.

    Status 2 is a mistake of the user, 130 is Ctrl-C. All processes of a node have the same
    arguments, files and terminal, so only the first of them prints it.
    """
    if status in (2, 130) and _local_rank() > 0:
        sys.exit(status)
    line = shortened(hide_environment(" ".join(message.split())), _MAX_WIDTH)
    print_line(f"train.py: error: {line}{_process()}", error=True)
    sys.exit(status)


def nearest(word: str, known: Iterable[str]) -> str:
    """Returns " Did you mean X?" for the most similar known word, or an empty string."""
    similar = difflib.get_close_matches(word, sorted(set(known) - {word}), n=1, cutoff=0.6)
    return f" Did you mean {similar[0]}?" if similar else ""


def _local_rank() -> int:
    """Returns this process's number within its node, 0 for the first or only one."""
    return int(os.environ.get("LOCAL_RANK") or os.environ.get("SLURM_LOCALID") or 0)


def _process() -> str:
    """Returns number and node of this process, empty for the first or only one."""
    number = os.environ.get("RANK") or os.environ.get("SLURM_PROCID") or str(_local_rank())
    node = os.environ.get("SLURMD_NODENAME") or platform.node()
    return "" if number == "0" else f" (process {number} on {node})"
