"""Times training loops that take turns: a process each, of which only one runs at a time.

Each runs a short block of steps, reports what it took and waits until all others had their turn.
So a slow moment of the machine meets all alike, times can be compared block by block, and what one
loop imports or keeps does not reach another. What it leaves running in processes of its own, as W&B
does, runs on in the turns of the others, and its processor time is not counted.
"""

import multiprocessing
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import final

__all__ = ["STEADY_MALLOC", "Block", "Contestant", "Schedule", "Tick", "Turns", "take_turns"]

STEADY_MALLOC = {"MALLOC_TRIM_THRESHOLD_": str(2**30), "MALLOC_MMAP_THRESHOLD_": str(2**25)}
"""Environment in which the C library keeps freed memory.

Left to itself it gives memory back and asks for it anew at each step in some processes and not in
others, by chance: 500 page faults a step or none in the same loop, a tenth of its time.
"""

Tick = Callable[[], None]
Contestant = Callable[[Tick], None]
"""Trains until `tick`, called after each step, raises; a function that can be pickled."""


@final
@dataclass(frozen=True)
class Block:
    """Seconds that some steps took, and the processor's in the wait before them."""

    wall: float
    processor: float
    waited: float
    processor_waiting: float


@final
@dataclass(frozen=True)
class Schedule:
    """How many blocks of how many steps, after the first `skipped` ones, at least one step each."""

    blocks: int
    length: int
    skipped: int

    @property
    def steps(self) -> int:
        """Of each contestant, in all."""
        return self.skipped + self.blocks * self.length


class _Finished(Exception):
    """Ends a contestant from the inside."""


@final
class Turns:
    """One contestant's side.

    Args:
        connection: to who gives the turns.
        schedule: of all contestants.
    """

    def __init__(self, connection: Connection, schedule: Schedule) -> None:
        self._connection = connection
        self._schedule = schedule
        self._ticks = 0
        self._paused = self._began = _clocks()

    def tick(self) -> None:
        """To be called after each step; reports a block at its end and waits for the next turn."""
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


def take_turns(
    contestants: Mapping[str, Contestant], schedule: Schedule, first: int = 0
) -> dict[str, list[Block]]:
    """Returns the blocks of each contestant by name; the n-th ones were run in the n-th round.

    Each round starts with another contestant, that of number `first` with the `first`-th one.

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
            _reported(name, line)  # of the steps that are skipped
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
    theirs.close()  # or its end would not be noticed
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
        contestant(Turns(connection, schedule).tick)


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
