"""The profiler of runs that measure nothing."""

from contextlib import nullcontext
from typing import Any, final

from lightning.pytorch.profilers import PassThroughProfiler

__all__ = ["NoProfiler"]

_NOTHING = nullcontext()


@final
class NoProfiler(PassThroughProfiler):
    """Lightning's, whose every `profile` makes a generator and runs it, at a fifth of the time.

    A GAN's batch asks ninety times (benchmarks/training_speed.py).
    """

    def profile(self, action_name: str) -> Any:
        """Returns a context that does nothing."""
        return _NOTHING
