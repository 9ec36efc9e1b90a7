"""Contestants alternate: one runs at a time, each block is timed, waiting ones are idle."""

import time
from functools import partial
from pathlib import Path

import pytest

from benchmarks import phases
from benchmarks.phases import Schedule, Tick, Ticker, run_alternately


def busy(name: str, log: Path, tick: Tick) -> None:
    """Logs each step and works for twenty milliseconds, without end."""
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


def test_one_runs_at_a_time_and_rounds_rotate(tmp_path: Path) -> None:
    log = tmp_path / "log"
    contestants = {name: partial(busy, name, log) for name in "ab"}
    schedule = Schedule(blocks=3, length=2, skipped=1)
    times = run_alternately(contestants, schedule, first=1)
    order = log.read_text()
    # both skip their steps at once, then b, a; a, b; b, a
    assert sorted(order[:2]) == ["a", "b"]
    assert order[2:] == "bbaa" + "aabb" + "bbaa"
    assert order.count("a") == schedule.steps
    blocks = [*times["a"], *times["b"]]
    assert len(blocks) == 6
    for block in blocks:
        # the two clocks tick at different moments
        assert block.wall + 1e-4 >= block.processor >= 4e-2
        # a read of the pipe takes some tenths of a millisecond; polling would take all of the wait
        assert block.processor_waiting < 1e-2


def test_an_early_end_is_an_error() -> None:
    with pytest.raises(RuntimeError, match=r"'hasty' ended before its last block\."):
        run_alternately({"hasty": hasty}, Schedule(blocks=2, length=1, skipped=1))


class Line:
    """A connection that starts two blocks."""

    def __init__(self) -> None:
        self.blocks: list[phases.Block] = []

    def send(self, block: phases.Block) -> None:
        self.blocks.append(block)

    def recv(self) -> bool:
        return len(self.blocks) < 3


def test_blocks_hold_the_time_between_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    # start; end of the skipped step; start and end of two blocks
    clocks = iter([(0.0, 0.0), (1.0, 1.0), (5.0, 1.5), (7.0, 3.0), (8.0, 3.0), (9.0, 4.0)])
    monkeypatch.setattr(phases, "_clocks", lambda: next(clocks))
    line = Line()
    contestant = Ticker(line, Schedule(blocks=2, length=1, skipped=1))  # type: ignore[arg-type]
    contestant.tick()
    contestant.tick()
    with pytest.raises(phases._Finished):
        contestant.tick()
    assert line.blocks[1:] == [phases.Block(2, 1.5, 4, 0.5), phases.Block(1, 1, 1, 0)]
