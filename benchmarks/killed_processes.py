"""Processes that write to one gallery, are killed at random instants and replaced."""

import os
import random
import signal
import time
import traceback
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import final

from benchmarks.killed_writers import Scene, write

__all__ = ["PATIENCE", "Writers"]

PATIENCE = 120.0  # seconds in which every writer must end
AIMED = 3  # each third kill waits until the process holds the lock of a SQLite file
AIMING = 3.0  # seconds in which a process is expected to hold it


@final
@dataclass
class Writers:
    """Processes that write to one gallery.

    Args:
        scene: the gallery.
        url: of its store.
        folder: of their files.
    """

    scene: Scene
    url: str
    folder: Path
    running: dict[int, int] = field(default_factory=dict)  # numbers of writers by process
    started: int = 0
    within: int = 0  # kills of a process that held a lock of the store's file for writing

    def start(self) -> None:
        number, self.started = self.started, self.started + 1
        process = os.fork()
        if process:
            self.running[process] = number
            return
        status = 1
        try:
            os.dup2(os.open(self.folder / f"{number}.err", os.O_WRONLY | os.O_CREAT), 2)
            warnings.simplefilter("ignore")
            log, stop = self.folder / f"{number:04}.log", self.folder / "stop"
            write(self.scene, self.url, number, log, stop)
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)

    def be_killed(self, kills: int, longest_pause: float, chance: random.Random) -> None:
        """Kill and replace writers, each at most `longest_pause` seconds after the one before.

        At the end all others are stopped.
        """
        try:
            for number in range(kills):
                time.sleep(chance.uniform(0, longest_pause))
                aims = number % AIMED == AIMED - 1 and self.url.startswith("sqlite")
                self.kill(chance.choice(sorted(self.running)), aims)
                self.start()
            time.sleep(longest_pause)
            self.end()
        finally:
            for process in self.running:
                os.kill(process, signal.SIGKILL)
                os.waitpid(process, 0)

    def kill(self, process: int, aims: bool) -> None:
        """Kill a writer; with `aims` while it writes.

        Raises:
            RuntimeError: if it had ended before.
        """
        end = time.monotonic() + (AIMING if aims else 0)
        while True:
            os.kill(process, signal.SIGSTOP)
            _, status = os.waitpid(process, os.WUNTRACED)
            if not os.WIFSTOPPED(status):
                raise RuntimeError(self._error(process))
            is_writing = _is_writing(process)
            if is_writing or time.monotonic() >= end:
                break
            os.kill(process, signal.SIGCONT)
            time.sleep(0.001)
        self.within += is_writing
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        del self.running[process]

    def end(self) -> None:
        """Wait until all writers have ended their present call.

        Raises:
            RuntimeError: if one failed.
            TimeoutError: if one does not end.
        """
        (self.folder / "stop").touch()
        end = time.monotonic() + PATIENCE
        while self.running:
            for process in [*self.running]:
                ended, status = os.waitpid(process, os.WNOHANG)
                if ended and status:
                    raise RuntimeError(self._error(process))
                if ended:
                    del self.running[process]
            if time.monotonic() > end:
                raise TimeoutError(f"writers {[*self.running.values()]} wait for ever")
            time.sleep(0.01)

    def _error(self, process: int) -> str:
        number = self.running.pop(process)
        return f"writer {number}: {(self.folder / f'{number}.err').read_text()}"


def _is_writing(process: int) -> bool:
    """Returns whether a process holds a lock for writing, by Linux's table."""
    locks = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
    return any(lock[3:5] == ["WRITE", str(process)] for lock in locks if "->" not in lock)
