"""Random numbers of a training step that depend on the step alone.

Reseeding before each step makes the noise a function of (seed, step, rank): a run that was
interrupted and resumed draws what the uninterrupted one draws, and no two processes draw the same.
"""

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
    torch.manual_seed(int(state[0]))
