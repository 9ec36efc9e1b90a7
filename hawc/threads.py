"""Small work on one thread."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

__all__ = ["one_thread"]


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
