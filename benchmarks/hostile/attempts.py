"""Runs an action in a forked process, with bounds, and says what came of it."""

import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, final

__all__ = ["Outcome", "attempt"]

_MEMORY = 12 * 2**30  # bytes of addresses; a process with torch has 4 GiB before it begins
_TEXT = 2**20  # bytes of output that are kept


@final
@dataclass(frozen=True)
class Outcome:
    """What a process left behind.

    Args:
        status: exit status; negative for the signal that ended the process.
        seconds: from the fork to the end.
        output: on stdout.
        errors: on stderr.
        peak: most memory in use, in bytes; also that of its ended child processes.
        hung: whether it was stopped since it did not end.
    """

    status: int
    seconds: float
    output: str
    errors: str
    peak: int
    hung: bool

    @property
    def lines(self) -> int:
        """Lines on stderr of a command that failed; others may log there."""
        return len(self.errors.splitlines()) if self.status else 0

    @property
    def has_traceback(self) -> bool:
        """Whether an error was not explained."""
        return "Traceback (most recent call last)" in self.errors or self.status < 0

    @property
    def has_escapes(self) -> bool:
        """Whether a terminal would have obeyed parts of the text."""
        text = self.output + self.errors
        return any(not c.isprintable() and c not in "\n\t\r" for c in text)


def attempt(
    action: Callable[[], object], folder: Path, *, seconds: float = 60.0, memory: int = _MEMORY
) -> Outcome:
    """Returns what came of an action, which runs in a fork of this process.

    Args:
        action: ends by returning, or by SystemExit as a command does.
        folder: the working folder of the process.
        seconds: after which it counts as hung and is killed with all that it started.
        memory: most bytes of addresses that it may have.
    """
    texts = [os.memfd_create(name) for name in ("stdout", "stderr")]
    begin = time.monotonic()
    process = os.fork()
    if not process:
        _act(action, folder, texts, memory)
    hung, (status, usage) = _wait(process, begin + seconds)
    took = time.monotonic() - begin
    output, errors = (_content(descriptor) for descriptor in texts)
    return Outcome(
        os.waitstatus_to_exitcode(status), took, output, errors, usage.ru_maxrss * 1024, hung
    )


def _act(action: Callable[[], object], folder: Path, texts: list[int], memory: int) -> NoReturn:
    status = 1
    try:
        os.setsid()  # so that what it starts can be ended with it
        os.chdir(folder)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for target, descriptor in enumerate((nothing, *texts)):
            os.dup2(descriptor, target)
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115  pytest has put others there
        sys.stderr = open(2, "w", 1, errors="backslashreplace", closefd=False)  # noqa: SIM115
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        action()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _wait(process: int, end: float) -> tuple[bool, tuple[int, resource.struct_rusage]]:
    """Returns whether a process was killed at the end of its time, its status and its usage."""
    pause = 0.001
    while time.monotonic() < end:
        ended, status, usage = os.wait4(process, os.WNOHANG)
        if ended:
            return False, (status, usage)
        time.sleep(pause)
        pause = min(0.02, 1.2 * pause)
    os.killpg(process, signal.SIGKILL)
    return True, os.wait4(process, 0)[1:]


def _content(descriptor: int) -> str:
    content = os.pread(descriptor, _TEXT, 0)
    os.close(descriptor)
    return content.decode(errors="surrogateescape")
