"""One thread for small computations, and locks that are free in copies and forks."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, final
from weakref import WeakSet

import torch

__all__ = ["ThreadLock", "one_thread"]


@contextmanager
def one_thread(wanted: bool = True) -> Iterator[None]:
    """Limit the CPU operations of PyTorch to the calling thread within the context.

    A product of small matrices takes 10 us; waking another thread for a part of it takes up to
    100 us. PyTorch keeps a number of threads for each Python thread. Within the context, matrix
    products of other Python threads may use one thread too. A Python thread that uses PyTorch for
    the first time within it keeps that number, so start workers before, or let them call
    `torch.set_num_threads`.

    Args:
        wanted: False changes nothing.
    """
    before = torch.get_num_threads()
    if not wanted or before == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@final
class ThreadLock:
    """A reentrant lock between the threads of one process.

    A copy, in this process or another, is a new lock that is free. After a fork the child frees
    locks of the parent's other threads, which do not exist in the child.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        _LOCKS.add(self)

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def __reduce__(self) -> tuple[Any, ...]:
        return ThreadLock, ()

    def free_in_child(self) -> None:
        """Free the lock after a fork if another thread of the parent process holds it."""
        if self._lock.acquire(blocking=False):  # it is free, or the forking thread holds it
            self._lock.release()
        else:
            self._lock = threading.RLock()


_LOCKS: WeakSet[ThreadLock] = WeakSet()


def _free_locks() -> None:
    for lock in list(_LOCKS):
        lock.free_in_child()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_free_locks)
