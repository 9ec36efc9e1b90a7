"""Small work on one thread, and locks between threads that copies and forks do not inherit."""

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
    """Runs this thread's CPU operations on no other meanwhile, where wanted.

    A product of small matrices takes 10 us, waking another thread for a part of it up to 100 us.
    PyTorch counts threads for each Python thread that calls it. Others may meet the lower number in
    products of matrices until this one is done; one that first uses PyTorch meanwhile keeps it, so
    workers should be started, or call `torch.set_num_threads`, before.
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
    """A lock between the threads of one process, which its holder may take again.

    A copy, in this process or another, is a new and free lock. After a fork, a lock that another
    thread held is free in the child, where that thread does not exist.
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
        """Replaces a lock that a thread of the parent process holds."""
        if self._lock.acquire(blocking=False):  # it is free, or the thread that has forked holds it
            self._lock.release()
        else:
            self._lock = threading.RLock()


_LOCKS: WeakSet[ThreadLock] = WeakSet()


def _free_locks() -> None:
    for lock in list(_LOCKS):
        lock.free_in_child()


if hasattr(os, "register_at_fork"):  # where processes can fork
    os.register_at_fork(after_in_child=_free_locks)
