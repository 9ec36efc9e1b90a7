"""How the parameters of a distribution are named in its `repr`, by which a gallery knows its
distribution again.
"""

import hashlib

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["as_text", "digest"]

_MAX_SHOWN = 8
_NUMBERS_AT_ONCE = 2**20  # 8 MiB


def as_text(values: Float[Tensor, "*s"]) -> str:
    """Returns up to eight numbers written out so that they can be told apart, or a digest."""
    if values.numel() <= _MAX_SHOWN:
        return str(values.double().tolist())
    return f"<{'x'.join(map(str, values.shape))} sha256={digest(values)}>"


def digest(*tensors: Float[Tensor, "..."]) -> str:
    """Returns twelve hexadecimal digits of the SHA-256 of all shapes and numbers.

    Numbers count, not their storage: float32 or float64, on whatever device, 0 or -0.
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
