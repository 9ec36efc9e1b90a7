"""Seeds torch before each training step, and lists who seeds what.

    initial weights     Lightning's `seed_everything`, by --seed_everything, before the model is built
    splits of the data  a constant of the data module, so that all runs share them
    order of the data   the loader (datamodules/batch_loader.py), by (seed_everything, epoch)
    training steps      `seed_step`, by (seed_everything, step, rank)
    callbacks           a generator of their own, by their argument `seed`; a sampler gets that of
                        its callback, by (seed, length of the history)
    `train.py sample`   a generator for the sampler, by (seed_everything, length of the gallery)

The noise of a step is therefore a function of (seed, step, rank): a resumed run samples the same
numbers as an uninterrupted one, and no two processes sample the same.
"""

import functools
import os

import numpy as np
import torch

__all__ = ["seed_step"]


def seed_step(step: tuple[int, ...], rank: int) -> None:
    """Seeds torch's global generators for one training step.

    Does nothing if `lightning.seed_everything` was not called. That function passes the run's seed
    on in the environment variable read here, also to the processes of a launcher.

    Args:
        step: counters that identify the step within the run, each >= 0.
        rank: number of the process in the run.
    """
    seed = os.environ.get("PL_GLOBAL_SEED")
    if seed is None:
        return
    state = np.random.SeedSequence((int(seed), *step, rank)).generate_state(1, np.uint64)
    if _has_accelerator():
        torch.manual_seed(int(state[0]))
    else:
        # equal on the CPU; torch.manual_seed also records the call stack for a later CUDA
        # initialisation: 0.4 ms, a twentieth of the step of a small network
        torch.default_generator.manual_seed(int(state[0]))


@functools.cache
def _has_accelerator() -> bool:
    return torch.accelerator.is_available()  # queries the driver at each call
