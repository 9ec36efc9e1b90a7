"""Times training steps from their inside, whoever runs the loop."""

import statistics
import time
from itertools import pairwise
from typing import Any, ClassVar, final

from lightning import Callback

__all__ = ["BLOCK", "Stopwatch", "StopwatchCallback"]

BLOCK = 50  # steps timed together: they hold what happens at every tenth step only


@final
class Stopwatch:
    """Wall and processor time of blocks of `BLOCK` steps, after the first `skipped` steps."""

    def __init__(self, skipped: int) -> None:
        self._skipped = skipped
        self._ticks = 0
        self._marks: list[tuple[float, float]] = []

    def tick(self) -> None:
        """To be called after each step."""
        self._ticks += 1
        if self._ticks >= self._skipped and (self._ticks - self._skipped) % BLOCK == 0:
            self._marks.append((time.perf_counter(), time.process_time()))

    def milliseconds(self) -> tuple[float, float]:
        """Returns wall and processor milliseconds of a step, medians over the blocks.

        A median leaves out moments in which something else had the processor.

        Raises:
            RuntimeError: if there was no whole block.
        """
        if len(self._marks) < 2:
            raise RuntimeError(f"{self._skipped + BLOCK} steps are needed, got {self._ticks}.")
        blocks = [(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(self._marks)]
        wall, processor = (statistics.median(times) for times in zip(*blocks, strict=True))
        return wall * 1000 / BLOCK, processor * 1000 / BLOCK


@final
class StopwatchCallback(Callback):
    """Ticks after each batch; a command line can name it, so what it ticks is the class's."""

    watch: ClassVar[Stopwatch]

    def on_train_batch_end(self, *_: Any) -> None:
        self.watch.tick()
