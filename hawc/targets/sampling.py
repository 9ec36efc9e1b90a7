"""Samples of targets, which a search takes in one precision under every default dtype."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.arguments import checked_generator, whole_number

__all__ = ["check_sampling", "in_one_precision", "sample_normal", "sampling_dtypes"]

_SEARCHING = ContextVar("searching", default=False)


@contextmanager
def in_one_precision() -> Iterator[None]:
    """Lets targets return the same points under every default dtype: in float64.

    A search that starts from other points may end in others. The random numbers are float32's,
    those of the usual default.
    """
    before = _SEARCHING.set(True)
    try:
        yield
    finally:
        _SEARCHING.reset(before)


def sampling_dtypes() -> tuple[torch.dtype, torch.dtype]:
    """Returns in which dtype to take random numbers, and in which to return points."""
    default = torch.get_default_dtype()
    return (torch.float32, torch.float64) if _SEARCHING.get() else (default, default)


def sample_normal(n: int, dim: int, *, generator: torch.Generator) -> Float[Tensor, "n dim"]:
    """Returns n i.i.d. samples of N(0, I) on the generator's device."""
    check_sampling(n, generator)
    dtype, returned = sampling_dtypes()
    return torch.randn(n, dim, generator=generator, device=generator.device, dtype=dtype).to(
        returned
    )


def check_sampling(n: int, generator: torch.Generator) -> None:
    """Raises ValueError unless `n` is a whole number of at least 0 and `generator` one of torch."""
    whole_number("n", n, 0)
    checked_generator("generator", generator)
