"""Paths between two latents, straight and along circles."""

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["linear_path", "spherical_path"]

_PARALLEL = 1e-6  # sine of the angle below which float32 vectors determine no plane


def linear_path(
    start: Float[Tensor, "n d"], end: Float[Tensor, "n d"], num_steps: int
) -> Float[Tensor, "n num_steps d"]:
    """Returns (1 - t) start + t end for t from 0 to 1 in equal steps.

    In many dimensions the middle of the path is shorter than nearly all samples of a normal
    distribution. The decoder was hardly trained on such latents.

    Args:
        start: latents, one per row.
        end: as many latents.
        num_steps: at least 2, both ends included.
    """
    t = _fractions(start, num_steps)
    return (1 - t) * start[:, None] + t * end[:, None]


def spherical_path(
    start: Float[Tensor, "n d"], end: Float[Tensor, "n d"], num_steps: int
) -> Float[Tensor, "n num_steps d"]:
    """Returns points whose direction follows a great circle at constant speed (slerp).

    The length goes linearly from |start| to |end|, so latents of a typical length stay typical.
    Let u = start / |start|, v the direction of the part of end orthogonal to u, and theta the angle
    between start and end. The direction is

        cos(t theta) u + sin(t theta) v.

    Parallel or opposite vectors, or a zero vector, determine no circle: the path is then linear.
    This is always so in one dimension.

    Args:
        start: latents, one per row.
        end: as many latents.
        num_steps: at least 2, both ends included.

    Source: K. Shoemake 1985, "Animating rotation with quaternion curves", SIGGRAPH; for latents
    T. White 2016, "Sampling generative networks", arXiv 1609.04468.
    """
    t = _fractions(start, num_steps)
    start_length, end_length = (z.norm(dim=1, keepdim=True)[:, None] for z in (start, end))
    u = start[:, None] / start_length  # NaN for a zero vector, whose path is linear
    along = (end[:, None] * u).sum(2, keepdim=True)
    across = end[:, None] - along * u
    distance = across.norm(dim=2, keepdim=True)
    angle = t * torch.atan2(distance, along)
    direction = torch.cos(angle) * u + torch.sin(angle) * (across / distance)
    path = ((1 - t) * start_length + t * end_length) * direction
    has_plane = distance > _PARALLEL * end_length  # false for NaN
    return torch.where(has_plane, path, linear_path(start, end, num_steps))


def _fractions(like: Tensor, num_steps: int) -> Float[Tensor, "1 num_steps 1"]:
    return torch.linspace(0, 1, num_steps, dtype=like.dtype, device=like.device)[None, :, None]
