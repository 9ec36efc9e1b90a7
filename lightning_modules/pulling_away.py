"""The repelling regulariser of energy-based GANs."""

import torch
from torch import Tensor
from torch.nn.functional import normalize

from lightning_modules.errors import TrainingError

__all__ = ["pulling_away"]


def pulling_away(codes: Tensor) -> Tensor:
    """Returns the mean squared cosine between different codes, in [0, 1], lowest at right angles.

    1/(N (N - 1)) sum_{i != j} (S_i . S_j / (|S_i| |S_j|))^2. Opposite codes count like equal ones.
    A code 0 has cosine 0 with all others.

    Args:
        codes: (N, d), at least two.

    Returns:
        Scalar, float32 also under autocast: a cosine near 1 needs its digits.

    Raises:
        TrainingError: if there are fewer than two codes.

    Source: Zhao, Mathieu and LeCun 2016, arXiv 1609.03126, section 2.4.
    """
    n = len(codes)
    if n < 2:
        raise TrainingError(
            f"the pulling-away term compares at least 2 pictures, got {n}; raise "
            "`generator_batch_size` or set `pulling_away_weight` to 0."
        )
    with torch.autocast(codes.device.type, enabled=False):
        directions = normalize(codes.float(), dim=1)
        squares = (directions @ directions.T).square()
    return (squares.sum() - squares.diagonal().sum()) / (n * (n - 1))
