"""Contestants take turns: one runs at a time, each block is timed, who waits is idle."""

import time
from functools import partial
from pathlib import Path

import pytest

from benchmarks import phases as turns
from benchmarks.phases import Schedule, Tick, Turns, take_turns


def busy(name: str, log: Path, tick: Tick) -> None:
    """Notes each step and works for twenty milliseconds, for ever."""
    while True:
        with log.open("a") as file:
            file.write(name)
        end = time.process_time() + 2e-2
        while time.process_time() < end:
            pass
        tick()


def hasty(tick: Tick) -> None:
    """Ends after two steps."""
    tick()
    tick()


def test_one_runs_at_a_time_and_another_is_first_in_each_round(tmp_path: Path) -> None:
    log = tmp_path / "log"
    contestants = {name: partial(busy, name, log) for name in "ab"}
    schedule = Schedule(blocks=3, length=2, skipped=1)
    times = take_turns(contestants, schedule, first=1)
    order = log.read_text()
    # both skip their steps at once, then b, a; a, b; b, a
    assert sorted(order[:2]) == ["a", "b"]
    assert order[2:] == "bbaa" + "aabb" + "bbaa"
    assert order.count("a") == schedule.steps
    blocks = [*times["a"], *times["b"]]
    assert len(blocks) == 6
    for block in blocks:
        # two clocks, which tick at their own moments
        assert block.wall + 1e-4 >= block.processor >= 4e-2
        # it waits in a read of the pipe, which takes some tenths of a millisecond; who asks again
        # and again would work as long as the other does, or share the core with it
        assert block.processor_waiting < 1e-2


def test_who_ends_early_is_named() -> None:
    with pytest.raises(RuntimeError, match=r"'hasty' ended before its last block\."):
        take_turns({"hasty": hasty}, Schedule(blocks=2, length=1, skipped=1))


class Line:
    """Gives two turns."""

    def __init__(self) -> None:
        self.blocks: list[turns.Block] = []

    def send(self, block: turns.Block) -> None:
        self.blocks.append(block)

    def recv(self) -> bool:
        return len(self.blocks) < 3


def test_blocks_hold_the_time_between_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    # start; end of the skipped step; begin and end of two blocks
    clocks = iter([(0.0, 0.0), (1.0, 1.0), (5.0, 1.5), (7.0, 3.0), (8.0, 3.0), (9.0, 4.0)])
    monkeypatch.setattr(turns, "_clocks", lambda: next(clocks))
    line = Line()
    contestant = Turns(line, Schedule(blocks=2, length=1, skipped=1))  # type: ignore[arg-type]
    contestant.tick()
    contestant.tick()
    with pytest.raises(turns._Finished):
        contestant.tick()
    assert line.blocks[1:] == [turns.Block(2, 1.5, 4, 0.5), turns.Block(1, 1, 1, 0)]
