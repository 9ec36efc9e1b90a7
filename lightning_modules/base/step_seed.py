"""Seeds torch before each training step by (seed, step, rank).
So a resumed run samples the same numbers as an uninterrupted one, and no two processes sample the
same. The seed is --seed_everything, which also seeds the initial weights (Lightning, before the
model is built) and, with the epoch, the order of the data (datamodules/batch_loader.py). Splits
have a constant seed. Callbacks have generators of their own, seeded by their argument `seed`; the
samplers they call get one by (seed, length of the history), and those of `train.py sample` one by
(seed_everything, length of the gallery).
"""

import functools
import os

import torch

from hawc.samplers.seeding import derived_seed

__all__ = ["seed_step"]


def seed_step(step: tuple[int, ...], rank: int) -> None:
    """Seeds torch's global generators for one training step.

    Does nothing if `lightning.seed_everything` was not called. That function passes the run's seed
    on in the environment variable read here, also to the processes of a launcher.

    Args:
        step: counters that identify the step within the run, each >= 0.
        rank: number of the process in the run.
    """
    run_seed = os.environ.get("PL_GLOBAL_SEED")
    if run_seed is None:
        return
    seed = derived_seed(int(run_seed), *step, rank)
    if _has_accelerator():
        torch.manual_seed(seed)
    else:
        # equal on the CPU; torch.manual_seed also records the call stack for a later CUDA
        # initialisation: 0.4 ms, a twentieth of the step of a small network
        torch.default_generator.manual_seed(seed)


@functools.cache
def _has_accelerator() -> bool:
    return torch.accelerator.is_available()  # queries the driver at each call
