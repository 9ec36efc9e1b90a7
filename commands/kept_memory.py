"""Keeps freed memory in the process, for the next step needs as much.

Left to itself the C library gives the memory of larger tensors back to the system when they are
freed and asks for it anew at each step. The system hands it out page by page, each emptied first:
some convolutional networks spend a tenth to a fifth of a step on a CPU with that.
"""

import ctypes
import os

__all__ = ["keep_freed_memory"]

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # names of malloc.h, the same in every glibc
_KEPT = 2**30
_LARGEST = 2**25  # glibc accepts no more; tensors above 32 MiB are given back all the same


def keep_freed_memory() -> bool:
    """Sets it for this process; returns whether that could be done, as it can with glibc.

    Nothing is changed where the environment already says what should be done, by a variable whose
    name begins with MALLOC_.
    """
    if any(name.startswith("MALLOC_") for name in os.environ):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if os.name == "posix" else None
    if mallopt is None:
        return False
    return bool(mallopt(_TRIM_THRESHOLD, _KEPT) and mallopt(_MMAP_THRESHOLD, _LARGEST))
