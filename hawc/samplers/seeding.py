"""Random numbers for a draw that may be interrupted and taken up again."""

import numpy as np
import torch

__all__ = ["generator_at"]


def generator_at(seed: int, num_samples: int) -> torch.Generator:
    """Returns a generator that depends on a seed and on how much was drawn before, on the CPU.

    Each place in a history has random numbers of its own: who comes back later, in another process,
    goes on as if never interrupted, and no numbers are used twice.

    Args:
        seed: at least 0.
        num_samples: length of the history, at least 0.
    """
    state = np.random.SeedSequence((seed, num_samples)).generate_state(1, np.uint64)
    return torch.Generator(device="cpu").manual_seed(int(state[0]))
