"""Random numbers for sampling that may be interrupted and resumed."""

import numpy as np
import torch

__all__ = ["generator_at"]


def generator_at(seed: int, num_samples: int) -> torch.Generator:
    """Returns a CPU generator seeded by a seed and the length of the history.

    Each length of a history has its own random numbers. A later process therefore continues as if
    it had not been interrupted, and no random numbers are used twice.

    Args:
        seed: at least 0.
        num_samples: length of the history, at least 0.
    """
    state = np.random.SeedSequence((seed, num_samples)).generate_state(1, np.uint64)
    return torch.Generator(device="cpu").manual_seed(int(state[0]))
