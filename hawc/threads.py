"""Small work on one thread."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

__all__ = ["one_thread"]


@contextmanager
def one_thread(wanted: bool = True) -> Iterator[None]:
    """Runs this thread's CPU operations on no other meanwhile, where wanted.

    A product of small matrices takes 10 us, waking another thread for a part of it up to 100 us.
    PyTorch counts threads for each thread that calls it; only the products of matrices in other
    Python threads may meet the lower number, and be slower, until this one is done.
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
