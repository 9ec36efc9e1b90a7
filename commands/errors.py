"""Errors that are the user's to mend: they end the program with one line and status 2."""

import difflib
import sys
from collections.abc import Iterable
from typing import NoReturn

__all__ = ["UsageError", "fail", "innermost_message", "nearest"]


class UsageError(ValueError):
    """A wrong argument, file or setting; the message names it, what came and what would do."""


def fail(message: str, status: int = 2) -> NoReturn:
    """Ends the program with the message as one line on stderr."""
    print(f"train.py: error: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(status)


def innermost_message(error: BaseException) -> str:
    """Returns the message of the exception that a chain of wrapping ones began with."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return str(error)


def nearest(word: str, known: Iterable[str]) -> str:
    """Returns " Did you mean X?" for the known word most like a given one, or nothing."""
    found = difflib.get_close_matches(word, sorted(set(known) - {word}), n=1, cutoff=0.6)
    return f" Did you mean {found[0]}?" if found else ""
