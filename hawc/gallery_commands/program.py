"""Runs a command and turns its errors into one line on stderr.

Status 2 is a mistake in the arguments, such as the name of a gallery that does not exist. Status 1
is a store or file that cannot be read or written. Nothing is created by a mistake.
"""

import os
import re
import sys
from collections.abc import Sequence

from hawc.gallery_commands.arguments import parsed
from hawc.history import HistoryConflictError, HistoryStoreError
from hawc.printable import printable

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command and returns its status; None is the process's own arguments."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal without UTF-8 lacks most characters
            stream.reconfigure(errors="backslashreplace")
    try:
        options = parsed(sys.argv[1:] if arguments is None else arguments)
        options.run(options)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except SystemExit as end:  # after printing the help that was asked for
        return int(end.code or 0)
    except ValueError as error:
        return _failed(str(error), 2)
    except (HistoryStoreError, HistoryConflictError) as error:
        return _failed(str(error), 1)
    except OSError as error:
        place = f"'{error.filename}' cannot be read or written" if error.filename else "failed"
        return _failed(f"{place} ({error.strerror}); check its folder, permissions and disk.", 1)
    except KeyboardInterrupt:
        return _failed("interrupted.", 130)
    return 0


def _failed(message: str, status: int) -> int:
    line = printable(" ".join(_without_passwords(message).split()))
    print(f"python -m hawc: error: {line}", file=sys.stderr)
    return status


def _without_passwords(message: str) -> str:
    """Hides user and password of URLs, which the parser may repeat in a message."""
    hidden = re.sub(r"(\w://)[^\s'\"]*@", r"\1***@", message)
    return re.sub(r"(?i)(password[^=\s]*=)[^\s&'\"]+", r"\1***", hidden)
