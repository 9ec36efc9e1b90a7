"""What callbacks may ask of a model, and the types by which a model receives its networks."""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from torch import Tensor, nn

from hawc import AbstractTarget

__all__ = ["Autoencoder", "ImageShape", "LatentGenerator", "NetworkFactory", "Translator"]

ImageShape = tuple[int, ...]
"""(channels, height, width) of a picture in [0, 1], (features,) of a standardised table row."""

NetworkFactory = Callable[[ImageShape, int], nn.Module]
"""Builds a network from (image_shape, latent_dim); in YAML a class_path and the other arguments."""


@runtime_checkable
class LatentGenerator(Protocol):
    """A model that can be sampled: it decodes latents, and says which law they should follow."""

    @property
    def latent_target(self) -> AbstractTarget:
        """The law of the latents that `decode` was trained for."""
        ...

    def decode(self, z: Tensor) -> Tensor:
        """Returns pictures in [0, 1] of shape (n, *image_shape) for latents (n, d)."""
        ...


@runtime_checkable
class Autoencoder(LatentGenerator, Protocol):
    """A model that also finds the latents of pictures."""

    def encode(self, images: Tensor) -> Tensor:
        """Returns latents (n, d) of pictures (n, *image_shape), one best one each."""
        ...

    def draw_codes(self, images: Tensor) -> Tensor:
        """Returns latents (n, d) as the decoder met them in training: for a VAE, drawn anew."""
        ...


@runtime_checkable
class Translator(Protocol):
    """A model that maps pictures, or rows, of two domains A and B to each other."""

    def translate_to_b(self, images: Tensor) -> Tensor:
        """Returns what pictures (n, *image_shape) of A in [0, 1], or rows, become in B."""
        ...

    def translate_to_a(self, images: Tensor) -> Tensor:
        """Returns what pictures (n, *image_shape) of B in [0, 1], or rows, become in A."""
        ...
