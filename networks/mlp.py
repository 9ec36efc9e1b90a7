"""Fully connected networks between images (or table rows) and vectors."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import final

from torch import Tensor, nn

from networks.annotations import Float

__all__ = ["MLPDecoder", "MLPEncoder", "MLPTranslator"]


@final
class MLPEncoder(nn.Sequential):
    """Maps images to vectors: flatten, one ReLU layer per width, then a linear layer.

    Args:
        image_shape: (channels, height, width), or (features,) for table rows.
        latent_dim: length of the output; 1 for a critic.
        widths: of the hidden layers. Default: the Radon-Sobolev VAE for MNIST (arXiv 1911.13135).

    Raises:
        ValueError: if a size or width is smaller than 1.
    """

    def __init__(
        self,
        image_shape: tuple[int, ...],
        latent_dim: int,
        widths: Sequence[int] = (200, 200, 200),
    ) -> None:
        sizes = (math.prod(image_shape), *widths)
        super().__init__(nn.Flatten(), *_hidden_layers(sizes), nn.Linear(sizes[-1], latent_dim))

    def forward(self, images: Float[Tensor, "b ..."]) -> Float[Tensor, "b d"]:
        return super().forward(images)


@final
class MLPDecoder(nn.Sequential):
    """Maps vectors to images: one ReLU layer per width, then a linear layer without bounds.

    Args:
        image_shape: (channels, height, width), or (features,) for table rows.
        latent_dim: length of the input.
        widths: of the hidden layers.
        batch_norm: whether the hidden layers are batch-normalised before their ReLU. Different
            vectors of a batch then give different images.

    Raises:
        ValueError: if a size or width is smaller than 1.
    """

    def __init__(
        self,
        image_shape: tuple[int, ...],
        latent_dim: int,
        widths: Sequence[int] = (200, 200, 200),
        batch_norm: bool = False,
    ) -> None:
        sizes = (latent_dim, *widths)
        super().__init__(
            *_hidden_layers(sizes, batch_norm),
            nn.Linear(sizes[-1], math.prod(image_shape)),
            nn.Unflatten(1, image_shape),
        )

    def forward(self, latents: Float[Tensor, "b d"]) -> Float[Tensor, "b ..."]:
        return super().forward(latents)


@final
class MLPTranslator(nn.Sequential):
    """Maps images to images of the same shape: one ReLU layer per width, then a linear layer.

    Args:
        image_shape: (channels, height, width), or (features,) for table rows.
        widths: of the hidden layers.

    Raises:
        ValueError: if a size or width is smaller than 1.
    """

    def __init__(self, image_shape: tuple[int, ...], widths: Sequence[int] = (128, 128)) -> None:
        size = math.prod(image_shape)
        super().__init__(
            nn.Flatten(),
            *_hidden_layers((size, *widths)),
            nn.Linear((size, *widths)[-1], size),
            nn.Unflatten(1, image_shape),
        )

    def forward(self, images: Float[Tensor, "b ..."]) -> Float[Tensor, "b ..."]:
        return super().forward(images)


def _hidden_layers(sizes: Sequence[int], batch_norm: bool = False) -> list[nn.Module]:
    if min(sizes) < 1:
        raise ValueError(f"`widths` and all sizes must be at least 1, got {tuple(sizes)}.")
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise(sizes):
        layers.append(nn.Linear(fan_in, fan_out, bias=not batch_norm))
        layers += [nn.BatchNorm1d(fan_out)] if batch_norm else []
        layers.append(nn.ReLU())
    return layers
