"""What training loops that took turns cost a step, beside each other."""

import math
import statistics
from collections.abc import Iterator, Mapping

from benchmarks.phases import Block, Contestant, Schedule, take_turns

__all__ = ["Times", "launch", "quartiles", "ratios", "table", "verdict", "waiting", "whole"]

Times = dict[str, list[Block]]


def launch(runs: Mapping[str, Contestant], schedule: Schedule, number: int, times: Times) -> None:
    """Adds to the times the blocks of another launch, the `number`-th."""
    for name, blocks in take_turns(runs, schedule, first=number * schedule.blocks).items():
        times.setdefault(name, []).extend(blocks)


def ratios(times: Times, name: str, other: str, clock: str = "wall") -> list[float]:
    """Returns one contestant's times over another's, block by block."""
    pairs = zip(times[name], times[other], strict=True)
    return [getattr(a, clock) / getattr(b, clock) for a, b in pairs]


def whole(times: Times, name: str, other: str) -> float:
    """Returns the ratio of whole times, which hold what happens seldom too."""
    return sum(block.wall for block in times[name]) / sum(block.wall for block in times[other])


def quartiles(values: list[float]) -> str:
    """Returns the median with the quartiles."""
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return f"{middle:.3f} ({low:.3f} to {high:.3f})"


def table(times: Times, length: int, bare: str) -> Iterator[str]:
    """Yields a line for each contestant, of blocks of so many steps, beside the bare one."""
    yield (
        "| training loop | ms a step | processor ms | steps/s | time over bare, blocks' median "
        "(quartiles) | of the whole | processor time over bare, blocks' median (quartiles) |"
    )
    yield "|---|---|---|---|---|---|---|"
    for name, blocks in times.items():
        steps = length * len(blocks)
        wall = 1000 * sum(block.wall for block in blocks) / steps
        processor = 1000 * sum(block.processor for block in blocks) / steps
        row = f"| {name} | {wall:.2f} | {processor:.2f} | {1000 / wall:.0f} "
        by_wall, by_processor = (
            quartiles(ratios(times, name, bare, clock)) for clock in ("wall", "processor")
        )
        yield f"{row}| {by_wall} | {whole(times, name, bare):.3f} | {by_processor} |"


def verdict(
    times: Times, name: str, other: str, *, at_most: float = math.inf, at_least: float = 0.0
) -> str:
    """Returns whether one contestant's time over another's is within bounds, in a line."""
    values = statistics.median(ratios(times, name, other)), whole(times, name, other)
    holds = at_least <= min(values) and max(values) <= at_most
    required = f"<= {at_most}" if at_most < math.inf else f">= {at_least}"
    return (
        f"- Time of {name} over {other}: {values[0]:.3f} by blocks, {values[1]:.3f} as a whole, "
        f"{required} required: {'holds' if holds else '**does not hold**'}."
    )


def waiting(times: Times) -> str:
    """Returns how idle those were who waited, in a line."""
    busy = max(
        sum(block.processor_waiting for block in blocks) / sum(block.waited for block in blocks)
        for blocks in times.values()
    )
    return f"- Processor time of who waits: at most {1000 * busy:.1f} ms a second."
