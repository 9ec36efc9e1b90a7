"""Float64 for all tests of the package, and a way past the shape checks of tests/conftest.py."""

from collections.abc import Iterator

import pytest
import torch
from hypothesis import settings
from jaxtyping import config

settings.register_profile("hawc", deadline=None, derandomize=True, max_examples=40)
settings.load_profile("hawc")


@pytest.fixture(autouse=True)
def float64_by_default() -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


@pytest.fixture
def no_shape_checks() -> Iterator[None]:
    """Lets ill-shaped arguments reach the package's own messages, as they do for its users."""
    config.update("jaxtyping_disable", True)
    yield
    config.update("jaxtyping_disable", False)
