"""The table of step times and its verdicts."""

from benchmarks.phases import Block
from benchmarks.step_times import table, verdict, waiting

BARE, OURS, PEER = "bare", "ours", "peer"
LENGTH = 10


def blocks(*walls: float) -> list[Block]:
    """Returns blocks of these milliseconds per step, with half as much processor time."""
    seconds = [wall * LENGTH / 1000 for wall in walls]
    return [Block(s, s / 2, waited=2.0, processor_waiting=0.001) for s in seconds]


def test_table_and_verdicts() -> None:
    times = {
        BARE: blocks(10, 20, 10),
        OURS: blocks(10.2, 21.4, 10.4),
        PEER: blocks(12, 24.6, 12.2),
    }
    assert list(table(times, LENGTH, BARE))[3] == (
        "| ours | 14.00 | 7.00 | 71 | 1.040 (1.030 to 1.055) | 1.050 | 1.040 (1.030 to 1.055) |"
    )
    assert verdict(times, OURS, BARE, at_most=1.05) == (
        "- Time of ours over bare: 1.040 by blocks, 1.050 as a whole, <= 1.05 required: holds."
    )
    peer = verdict(times, PEER, OURS, at_least=1.15)
    assert "1.173 by blocks, 1.162 as a whole, >= 1.15 required: holds" in peer
    expected = "- Processor time of waiting contestants: at most 0.5 ms per second."
    assert waiting(times) == expected


def test_bounds_hold_for_blocks_and_for_the_whole() -> None:
    times = {
        BARE: blocks(10, 10, 10),
        OURS: blocks(10, 10, 12),  # a rare, large delay
        PEER: blocks(12, 12, 11),
    }
    ours = verdict(times, OURS, BARE, at_most=1.05)
    assert "1.000 by blocks, 1.067 as a whole, <= 1.05 required: **does not hold**" in ours
    peer = verdict(times, PEER, OURS, at_least=1.15)
    assert "1.200 by blocks, 1.094 as a whole, >= 1.15 required: **does not hold**" in peer
