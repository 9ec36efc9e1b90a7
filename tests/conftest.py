"""Sees to the environment, then to checks of shapes and types, before anything is imported."""

import logging
import os
import random
import signal
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from jaxtyping import config, install_import_hook

# of the job or run that this suite may itself be part of: the tests say what they are in
_OF_A_JOB = ("SLURM", "SBATCH_", "SRUN_", "TORCHELASTIC_", "MASTER_", "WANDB_RUN")
_OF_A_PROCESS = {
    *("RANK", "LOCAL_RANK", "GROUP_RANK", "NODE_RANK", "ROLE_RANK", "ROLE_NAME"),
    *("WORLD_SIZE", "LOCAL_WORLD_SIZE", "GROUP_WORLD_SIZE", "ROLE_WORLD_SIZE", "HAWC_RUN_FOLDER"),
}
_SIGNALS = (signal.SIGTERM, signal.SIGUSR1)

_INTEGRATION = {"integration", "distributed", "benchmarks", "examples"}  # folders
_TIERS = {"integration", "slow", "gpu", "slurm"}

for _name in [*os.environ]:
    if _name.startswith(_OF_A_JOB) or _name in _OF_A_PROCESS:
        del os.environ[_name]

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # waiting threads must not occupy a core
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # as many processes as cores
os.environ.setdefault("WANDB_MODE", "offline")
os.environ.setdefault("WANDB_SILENT", "true")

settings.register_profile("hawc", deadline=None, derandomize=True, max_examples=40)
settings.load_profile("hawc")

install_import_hook(["hawc", "metrics", "networks"], "beartype.beartype")


@pytest.hookimpl(tryfirst=True)  # before pytest deselects by marker
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the tests of whole folders `integration`, unless they belong to another tier."""
    for item in items:
        folder = item.path.relative_to(Path(__file__).parent).parts[0]
        if folder in _INTEGRATION and not _TIERS & {mark.name for mark in item.iter_markers()}:
            item.add_marker("integration")


@pytest.fixture
def no_shape_checks() -> Iterator[None]:
    """Lets ill-shaped arguments reach the package's own messages, as they do for its users."""
    config.update("jaxtyping_disable", True)
    yield
    config.update("jaxtyping_disable", False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Generator[None, object, object]:
    """Lets each test begin as the first one does: with its random numbers and surroundings."""
    import numpy as np
    import torch

    before = _surroundings()
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002  the global state, which trainings with a seed set
    torch.manual_seed(0)
    try:
        return (yield)
    finally:
        _put_back(*before)


def _surroundings() -> tuple[dict[str, str], list[Any], dict[str, tuple[int, list[Any]]]]:
    """Returns what commands and trainings in this process change: variables, signals, logs."""
    names = [name for name in logging.root.manager.loggerDict if name.startswith("lightning")]
    loggers = {name: logging.getLogger(name) for name in names}
    logs = {name: (logger.level, [*logger.filters]) for name, logger in loggers.items()}
    return {**os.environ}, [signal.getsignal(number) for number in _SIGNALS], logs


def _put_back(
    variables: dict[str, str], meanings: list[Any], logs: dict[str, tuple[int, list[Any]]]
) -> None:
    for name in os.environ.keys() - variables.keys():
        del os.environ[name]
    os.environ.update(variables)
    for number, meaning in zip(_SIGNALS, meanings, strict=True):
        if meaning is not None:  # of a handler that Python did not set and cannot
            signal.signal(number, meaning)
    for name, (level, filters) in logs.items():
        logging.getLogger(name).setLevel(level)
        logging.getLogger(name).filters = filters
