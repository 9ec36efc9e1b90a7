"""What the command line does for speed; HAWC_PERFORMANCE=off switches it off.

    what                gain                                                  its own switch
    keep_freed_memory   WGAN-GP's critic step on a CPU: 53 ms instead of 60   any variable MALLOC_*
                        at width 32, 137 instead of 180 at width 64
    NoProfiler          0.3 microseconds instead of 1.6 a context, of which   --trainer.profiler
                        a GAN enters 90 in a batch
    PacedProgressBar    up to a fifth of a small network's step in a          a bar of the user's
                        terminal                                              among the callbacks
    train.py            OMP_WAIT_POLICY=passive: where two cores are busy,    OMP_WAIT_POLICY=active
                        threads that spin are up to 20 times slower

The bar is in callbacks/base/progress_bar.py. The variable also switches off two in
lightning_modules/base/runtime.py: `stop_driver_checks` (1.6 microseconds instead of 40 a step) and
`AbstractPlainAttributes` (0.4 microseconds instead of 2.3, 50 times in a batch of a GAN). Users may
add the callbacks ChannelsLast and CompiledNetworks.
docs/performance.md has the tables.
"""

import ctypes
import os
from contextlib import nullcontext
from typing import Any, final

from lightning.pytorch.profilers import PassThroughProfiler

__all__ = ["NoProfiler", "is_switched_off", "keep_freed_memory"]

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # names of malloc.h, the same in every glibc
_KEPT = 2**30
_LARGEST = 2**25  # glibc accepts no more; tensors above 32 MiB are still returned
_NOTHING = nullcontext()


def is_switched_off() -> bool:
    """Returns whether HAWC_PERFORMANCE=off is set."""
    return os.environ.get("HAWC_PERFORMANCE") == "off"


def keep_freed_memory() -> bool:
    """Keeps freed memory in the process, where the next step needs as much.

    By default the C library returns the memory of larger tensors to the system when they are freed,
    and requests it again at each step. The system clears every page first.

    Returns:
        Whether the C library has accepted it; only glibc does. False, too, if a variable whose name
        begins with MALLOC_ configures the C library already, or with HAWC_PERFORMANCE=off.
    """
    if is_switched_off() or any(name.startswith("MALLOC_") for name in os.environ):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if os.name == "posix" else None
    if mallopt is None:
        return False
    return bool(mallopt(_TRIM_THRESHOLD, _KEPT) and mallopt(_MMAP_THRESHOLD, _LARGEST))


@final
class NoProfiler(PassThroughProfiler):
    """Measures nothing, with one context for all actions.

    Lightning's own profiler creates and runs a generator for each action.
    """

    def profile(self, action_name: str) -> Any:
        """Returns a context that does nothing."""
        return _NOTHING
