"""Errors that are the user's to mend: they end the program with one line and status 2."""

import difflib
import os
import platform
import sys
from collections.abc import Iterable
from typing import NoReturn

__all__ = ["UsageError", "fail", "nearest"]


class UsageError(ValueError):
    """A wrong argument, file or setting; the message names it, what came and what would do."""


def fail(message: str, status: int = 2) -> NoReturn:
    """Ends the program with the message as one line on stderr.

    With status 2, a mistake of the user, only the first process of a node speaks: all of them have
    the same arguments and files.
    """
    if status == 2 and _local_rank() > 0:
        sys.exit(status)
    print(f"train.py: error: {' '.join(message.split())}{_place()}", file=sys.stderr)
    sys.exit(status)


def nearest(word: str, known: Iterable[str]) -> str:
    """Returns " Did you mean X?" for the known word most like a given one, or nothing."""
    found = difflib.get_close_matches(word, sorted(set(known) - {word}), n=1, cutoff=0.6)
    return f" Did you mean {found[0]}?" if found else ""


def _local_rank() -> int:
    """Returns this process's place among those of its node, 0 for the first or only one."""
    return int(os.environ.get("LOCAL_RANK") or os.environ.get("SLURM_LOCALID") or 0)


def _place() -> str:
    """Returns which process speaks, and from where, nothing if it is the first or only one."""
    number = os.environ.get("RANK") or os.environ.get("SLURM_PROCID") or str(_local_rank())
    node = os.environ.get("SLURMD_NODENAME") or platform.node()
    return "" if number == "0" else f" (process {number} on {node})"
