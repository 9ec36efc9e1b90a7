"""Dtypes of samples: torch's default dtype, or float64 within a search."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.arguments import checked_generator, whole_number

__all__ = [
    "check_sample_arguments",
    "float64_samples",
    "random_and_result_dtypes",
    "sample_standard_normal",
]

# Not an argument of `AbstractTarget.sample`: targets outside of this package implement that method,
# and only the solvers, which call it several frames below `compress`, need another dtype.
_FLOAT64_SAMPLES = ContextVar("float64_samples", default=False)


@contextmanager
def float64_samples() -> Iterator[None]:
    """Make targets return the same float64 samples under every default dtype.

    Other starting points could lead a search to another result. The random numbers themselves are
    float32, as under torch's usual default dtype.
    """
    before = _FLOAT64_SAMPLES.set(True)
    try:
        yield
    finally:
        _FLOAT64_SAMPLES.reset(before)


def random_and_result_dtypes() -> tuple[torch.dtype, torch.dtype]:
    """Returns the dtype of the random numbers and that of the samples."""
    default = torch.get_default_dtype()
    return (torch.float32, torch.float64) if _FLOAT64_SAMPLES.get() else (default, default)


def sample_standard_normal(
    n: int, dim: int, *, generator: torch.Generator
) -> Float[Tensor, "n dim"]:
    """Returns n i.i.d. samples of N(0, I) on the generator's device."""
    check_sample_arguments(n, generator)
    dtype, result = random_and_result_dtypes()
    normal = torch.randn(n, dim, generator=generator, device=generator.device, dtype=dtype)
    return normal.to(result)


def check_sample_arguments(n: int, generator: torch.Generator) -> None:
    """Raise ValueError unless `n` and `generator` are valid arguments of `sample`."""
    whole_number("n", n, 0)
    checked_generator("generator", generator)
