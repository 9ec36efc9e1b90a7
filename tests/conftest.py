"""Sees to the environment, then to checks of shapes and types, before anything is imported."""

import logging
import os
from collections.abc import Iterator

import pytest
from hypothesis import settings
from jaxtyping import config, install_import_hook

# of the job or run that this suite may itself be part of: the tests say what they are in
_OF_A_JOB = ("SLURM", "SBATCH_", "SRUN_", "TORCHELASTIC_", "MASTER_", "WANDB_RUN")
_OF_A_PROCESS = {
    *("RANK", "LOCAL_RANK", "GROUP_RANK", "NODE_RANK", "ROLE_RANK", "ROLE_NAME"),
    *("WORLD_SIZE", "LOCAL_WORLD_SIZE", "GROUP_WORLD_SIZE", "ROLE_WORLD_SIZE", "HAWC_RUN_FOLDER"),
}
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


@pytest.fixture
def no_shape_checks() -> Iterator[None]:
    """Lets ill-shaped arguments reach the package's own messages, as they do for its users."""
    config.update("jaxtyping_disable", True)
    yield
    config.update("jaxtyping_disable", False)


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """Undoes what commands run in this process do to the levels and filters of Lightning's logs."""
    names = [name for name in logging.root.manager.loggerDict if name.startswith("lightning")]
    loggers = [logging.getLogger(name) for name in names]
    before = [(logger.level, [*logger.filters]) for logger in loggers]
    yield
    for logger, (level, filters) in zip(loggers, before, strict=True):
        logger.setLevel(level)
        logger.filters = filters
