"""Random numbers of a training step that depend on the step alone.

Reseeding before each step makes the noise a function of (seed, step, rank): a run that was
interrupted and resumed draws what the uninterrupted one draws, and no two processes draw the same.
"""

import functools
import os

import numpy as np
import torch

__all__ = ["seed_step"]


def seed_step(step: tuple[int, ...], rank: int) -> None:
    """Seeds torch's global generators for one training step.

    Does nothing where `lightning.seed_everything` was not called: then no reproducible run was
    asked for. (It announces the run's seed in the environment variable read here, also to the
    processes that a launcher starts.)

    Args:
        step: counters that identify the step within the run, each >= 0.
        rank: the process among all processes of the run.
    """
    seed = os.environ.get("PL_GLOBAL_SEED")
    if seed is None:
        return
    state = np.random.SeedSequence((int(seed), *step, rank)).generate_state(1, np.uint64)
    if _has_accelerator():
        torch.manual_seed(int(state[0]))
    else:
        # the same for the CPU; torch.manual_seed notes the call stack for a GPU that may yet come,
        # 0.4 ms that are a twentieth of the step of a small network
        torch.default_generator.manual_seed(int(state[0]))


@functools.cache
def _has_accelerator() -> bool:
    return torch.accelerator.is_available()  # asks the driver each time
