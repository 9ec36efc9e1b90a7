"""Turns on checks of shapes and types before the checked packages are imported; a way past them."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings
from jaxtyping import config, install_import_hook

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # waiting threads must not occupy a core
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # as many processes as cores
os.environ.setdefault("WANDB_MODE", "offline")
os.environ.setdefault("WANDB_SILENT", "true")

settings.register_profile("hawc", deadline=None, derandomize=True, max_examples=40)
settings.load_profile("hawc")

install_import_hook(["hawc", "metrics", "networks"], "beartype.beartype")


@pytest.fixture
def no_shape_checks() -> Iterator[None]:
    """Lets ill-shaped arguments reach the package's own messages, as they do for its users."""
    config.update("jaxtyping_disable", True)
    yield
    config.update("jaxtyping_disable", False)
