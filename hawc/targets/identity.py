"""Parameters as text for the `repr` of distributions, their identity."""

import hashlib

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["as_text", "digest", "fingerprint"]

_MAX_SHOWN = 8
_NUM_ROWS, _NUM_COLUMNS = 8, 64  # of a fingerprint, beside the mean
_NUMBERS_AT_ONCE = 2**20  # 8 MiB


def as_text(values: Float[Tensor, "*s"]) -> str:
    """Returns up to eight numbers with all digits, or the shape and digest of more."""
    if values.numel() <= _MAX_SHOWN:
        return str(values.double().tolist())
    return f"<{'x'.join(map(str, values.shape))} sha256={digest(values)}>"


def digest(*tensors: Float[Tensor, "..."]) -> str:
    """Returns twelve hexadecimal digits of the SHA-256 of all shapes and numbers.

    It depends on the numbers alone, not on dtype or device; 0 and -0 are equal.
    """
    state = hashlib.sha256()
    for tensor in tensors:
        state.update(str(tuple(tensor.shape)).encode())
        flat = tensor.detach().flatten()
        for first in range(0, len(flat), _NUMBERS_AT_ONCE):
            part = flat[first : first + _NUMBERS_AT_ONCE].to("cpu", torch.float64)
            # -0 + 0 is 0
            state.update((part + 0.0).numpy().astype("<f8", copy=False).tobytes())
    return state.hexdigest()[:12]


def fingerprint(points: Float[Tensor, "n d"], weights: Float[Tensor, " n"]) -> list[list[float]]:
    """Returns the mean and eight evenly spaced points, to recognize rounded points.

    Points of more than 64 coordinates are projected on 64 fixed random directions, so that a
    gallery's record stays small.
    """
    index = torch.linspace(0, len(points) - 1, _NUM_ROWS, device=points.device).round().long()
    mean = weights.to(points) @ points
    rows = torch.cat([mean[None], points[index]]).detach().to("cpu", torch.float64).numpy()
    if rows.shape[1] > _NUM_COLUMNS:
        # NumPy keeps the stream of this old generator the same in all releases
        random = np.random.RandomState(0)
        rows = rows @ random.standard_normal((rows.shape[1], _NUM_COLUMNS))
    return [[float(f"{number:.7g}") for number in row] for row in rows]  # float32's digits
