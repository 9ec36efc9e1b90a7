"""Augmentation of training images, so that networks classify generated images too."""

import math

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["augmented"]

SHIFT = 2  # pixels
ROTATION, SCALE = math.radians(10), 0.1  # of grey images
SHARE, NOISE = 0.25, 0.1  # share of blurred and of noisy images; deviation of the noise


def augmented(images: Tensor, generator: torch.Generator) -> Tensor:
    """Returns images in [0, 1], shifted, mirrored or rotated, some blurred or noisy."""
    moved = _warped(images, generator) if images.shape[1] == 1 else _mirrored(images, generator)
    return _noisy(_blurred(moved, generator), generator)


def _uniform(images: Tensor, generator: torch.Generator) -> Tensor:
    return torch.rand(len(images), generator=generator)


def _chosen(images: Tensor, share: float, generator: torch.Generator) -> Tensor:
    return (_uniform(images, generator) < share)[:, None, None, None]


def _warped(images: Tensor, generator: torch.Generator) -> Tensor:
    """Returns grey images rotated, scaled and shifted by fractions of pixels."""
    angle = ROTATION * (2 * _uniform(images, generator) - 1)
    scale = 1 + SCALE * (2 * _uniform(images, generator) - 1)
    shift = 2 * torch.rand(2, len(images), generator=generator) - 1
    shift *= 2 * SHIFT / images.shape[-1]  # the image's sides are 2 long
    cosine, sine = scale * angle.cos(), scale * angle.sin()
    rows = torch.stack((cosine, -sine, shift[0])), torch.stack((sine, cosine, shift[1]))
    grid = functional.affine_grid(
        torch.stack(rows).permute(2, 0, 1), list(images.shape), align_corners=False
    )
    return functional.grid_sample(images, grid, align_corners=False)


def _mirrored(images: Tensor, generator: torch.Generator) -> Tensor:
    """Returns images mirrored half of the time and shifted by whole pixels, edges reflected."""
    n, channels, height, width = images.shape
    images = torch.where(_chosen(images, 0.5, generator), images.flip(3), images)
    padded = functional.pad(images, (SHIFT,) * 4, mode="reflect")
    down, right = torch.randint(2 * SHIFT + 1, (2, n), generator=generator)
    rows = (down[:, None] + torch.arange(height))[:, None, :, None]
    columns = (right[:, None] + torch.arange(width))[:, None, None, :]
    index = torch.arange(n)[:, None, None, None], torch.arange(channels)[None, :, None, None]
    return padded[(*index, rows, columns)]


def _blurred(images: Tensor, generator: torch.Generator) -> Tensor:
    """Returns images, a share of them averaged over 3 x 3 pixels."""
    mean = functional.avg_pool2d(images, 3, stride=1, padding=1, count_include_pad=False)
    return torch.where(_chosen(images, SHARE, generator), mean, images)


def _noisy(images: Tensor, generator: torch.Generator) -> Tensor:
    """Returns images, a share of them with normal noise, clipped to [0, 1]."""
    noise = NOISE * torch.randn(images.shape, generator=generator)
    return torch.where(_chosen(images, SHARE, generator), (images + noise).clamp(0, 1), images)
