"""The profiler of runs that measure nothing."""

from contextlib import nullcontext
from typing import Any, final

from lightning.pytorch.profilers import PassThroughProfiler

__all__ = ["NoProfiler"]

_NOTHING = nullcontext()


@final
class NoProfiler(PassThroughProfiler):
    """Measures nothing, with one context for all that asks.

    Lightning's own makes and runs a generator each time, dozens of times in a batch of a GAN.
    """

    def profile(self, action_name: str) -> Any:
        """Returns a context that does nothing."""
        return _NOTHING
