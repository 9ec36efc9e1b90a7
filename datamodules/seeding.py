"""Seeds that are derived from one seed, for random numbers of several purposes."""

import numpy as np

__all__ = ["derived_seed"]


def derived_seed(seed: int, stream: int) -> int:
    """Returns a 64-bit seed that differs between streams and is unrelated to `seed`.

    Args:
        seed: at least 0.
        stream: number of the purpose, such as an epoch or a split, at least 0.
    """
    return int(np.random.SeedSequence((seed, stream)).generate_state(1, np.uint64)[0])
