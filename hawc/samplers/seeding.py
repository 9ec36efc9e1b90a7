"""Random numbers for sampling that may be interrupted and resumed."""

import numpy as np
import torch

__all__ = ["derived_seed", "generator_at", "unpredictable_generator"]


def derived_seed(*key: int) -> int:
    """Returns a 64-bit seed that depends on all numbers of a key, such as (seed, step, rank).

    Args:
        *key: numbers of at least 0, and at least one of them.
    """
    return int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0])


def generator_at(seed: int, num_samples: int) -> torch.Generator:
    """Returns a CPU generator seeded by a seed and the length of the history.

    Each length of a history has its own random numbers. A later process therefore continues as if
    it had not been interrupted, and no random numbers are used twice.

    Args:
        seed: at least 0.
        num_samples: length of the history, at least 0.
    """
    return torch.Generator(device="cpu").manual_seed(derived_seed(seed, num_samples))


def unpredictable_generator() -> torch.Generator:
    """Returns a CPU generator seeded by the operating system."""
    generator = torch.Generator(device="cpu")
    generator.seed()
    return generator
