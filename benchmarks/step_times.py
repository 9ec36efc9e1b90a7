"""Times per step of alternating training loops, compared in a table."""

import math
import statistics
from collections.abc import Iterator, Mapping

from benchmarks.phases import Block, Contestant, Schedule, run_alternately

__all__ = ["Times", "launch", "quartiles", "ratios", "table", "verdict", "waiting", "whole"]

Times = dict[str, list[Block]]


def launch(runs: Mapping[str, Contestant], schedule: Schedule, number: int, times: Times) -> None:
    """Adds the blocks of launch `number` to the times."""
    for name, blocks in run_alternately(runs, schedule, first=number * schedule.blocks).items():
        times.setdefault(name, []).extend(blocks)


def ratios(times: Times, name: str, other: str, clock: str = "wall") -> list[float]:
    """Returns the ratios of two contestants' times, block by block."""
    pairs = zip(times[name], times[other], strict=True)
    return [getattr(a, clock) / getattr(b, clock) for a, b in pairs]


def whole(times: Times, name: str, other: str) -> float:
    """Returns the ratio of whole times, which include rare events."""
    return sum(block.wall for block in times[name]) / sum(block.wall for block in times[other])


def quartiles(values: list[float]) -> str:
    """Returns the median and the quartiles as text."""
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return f"{middle:.3f} ({low:.3f} to {high:.3f})"


def table(times: Times, length: int, bare: str) -> Iterator[str]:
    """Yields a line per contestant, relative to the bare loop; blocks have `length` steps."""
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
    """Returns a line that says whether the ratio of two times is within bounds."""
    values = statistics.median(ratios(times, name, other)), whole(times, name, other)
    holds = at_least <= min(values) and max(values) <= at_most
    required = f"<= {at_most}" if at_most < math.inf else f">= {at_least}"
    return (
        f"- Time of {name} over {other}: {values[0]:.3f} by blocks, {values[1]:.3f} as a whole, "
        f"{required} required: {'holds' if holds else '**does not hold**'}."
    )


def waiting(times: Times) -> str:
    """Returns a line with the largest processor time of waiting contestants."""
    busy = max(
        sum(block.processor_waiting for block in blocks) / sum(block.waited for block in blocks)
        for blocks in times.values()
    )
    return f"- Processor time of waiting contestants: at most {1000 * busy:.1f} ms per second."
