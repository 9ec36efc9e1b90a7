"""Times training loops in alternating phases: one process each, only one of which runs at a time.

A loop runs a short block of steps, reports its time and waits for the blocks of all others. A slow
moment of the machine therefore affects all loops, and times can be compared block by block. Loops
share no imports and no memory. Processes that a loop starts, such as that of W&B, go on during the
blocks of the others; their processor time is not counted.
"""

import multiprocessing
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import final

__all__ = ["STEADY_MALLOC", "Block", "Contestant", "Schedule", "Tick", "Ticker", "run_alternately"]

STEADY_MALLOC = {"MALLOC_TRIM_THRESHOLD_": str(2**30), "MALLOC_MMAP_THRESHOLD_": str(2**25)}
"""Environment in which the C library keeps freed memory.

By default it returns memory and requests it again at each step, in some processes but not in
others: 500 page faults per step or none in the same loop, a tenth of its time.
"""

Tick = Callable[[], None]
Contestant = Callable[[Tick], None]
"""Trains and calls `tick` after each step, until that raises; must be picklable."""


@final
@dataclass(frozen=True)
class Block:
    """Wall and processor seconds of some steps and of the wait before them."""

    wall: float
    processor: float
    waited: float
    processor_waiting: float


@final
@dataclass(frozen=True)
class Schedule:
    """Numbers of blocks, of steps per block and of skipped first steps, at least 1 each."""

    blocks: int
    length: int
    skipped: int

    @property
    def steps(self) -> int:
        """Number of steps of each contestant."""
        return self.skipped + self.blocks * self.length


class _Finished(Exception):
    """Ends the training of a contestant."""


@final
class Ticker:
    """Counts the steps of one contestant and pauses it after each block.

    Args:
        connection: to the process that starts the blocks.
        schedule: of all contestants.
    """

    def __init__(self, connection: Connection, schedule: Schedule) -> None:
        self._connection = connection
        self._schedule = schedule
        self._ticks = 0
        self._paused = self._began = _clocks()

    def tick(self) -> None:
        """Counts a step; at the end of a block reports it and waits for the next one."""
        self._ticks += 1
        over = self._ticks - self._schedule.skipped
        if over >= 0 and over % self._schedule.length == 0:
            self._pause()

    def _pause(self) -> None:
        (wall, processor), now = self._began, _clocks()
        waited, processor_waiting = wall - self._paused[0], processor - self._paused[1]
        block = Block(now[0] - wall, now[1] - processor, waited, processor_waiting)
        self._paused = now
        self._connection.send(block)
        if not self._connection.recv():
            raise _Finished
        self._began = _clocks()


def run_alternately(
    contestants: Mapping[str, Contestant], schedule: Schedule, first: int = 0
) -> dict[str, list[Block]]:
    """Returns the blocks of each contestant by name, in the order of the rounds.

    Round n starts with contestant n, modulo their number; rounds are counted from `first`.

    Raises:
        RuntimeError: if a contestant ends before its last block.
    """
    times: dict[str, list[Block]] = {name: [] for name in contestants}
    with ExitStack() as stack:
        lines = {
            name: stack.enter_context(_running(contestant, schedule))
            for name, contestant in contestants.items()
        }
        for name, line in lines.items():
            _reported(name, line)  # the skipped steps
        for number in range(first, first + schedule.blocks):
            for name in _rotated(list(lines), number):
                lines[name].send(True)
                times[name].append(_reported(name, lines[name]))
    return times


@contextmanager
def _running(contestant: Contestant, schedule: Schedule) -> Iterator[Connection]:
    spawning = multiprocessing.get_context("spawn")
    ours, theirs = spawning.Pipe()
    process = spawning.Process(target=_compete, args=(contestant, theirs, schedule))
    process.start()
    theirs.close()  # otherwise `recv` would not notice the end of the process
    try:
        yield ours
        ours.send(False)
        process.join()
    finally:
        ours.close()
        process.kill()
        process.join()


def _compete(contestant: Contestant, connection: Connection, schedule: Schedule) -> None:
    with suppress(_Finished):
        contestant(Ticker(connection, schedule).tick)


def _reported(name: str, line: Connection) -> Block:
    try:
        block: Block = line.recv()
    except EOFError:
        raise RuntimeError(f"'{name}' ended before its last block.") from None
    return block


def _rotated(names: list[str], number: int) -> list[str]:
    first = number % len(names)
    return [*names[first:], *names[:first]]


def _clocks() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()
