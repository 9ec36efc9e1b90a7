"""An autoencoder as the critic of an energy-based GAN."""

from typing import final

import torch
from torch import Tensor, nn

from hawc.kernels import full_precision
from lightning_modules.image_shape import squashed
from lightning_modules.interface import ImageShape

__all__ = ["EnergyCritic"]


@final
class EnergyCritic(nn.Module):
    """Gives each picture its reconstruction error |Dec(Enc(x)) - x|, the Euclidean norm.

    Args:
        encoder: from pictures to codes.
        decoder: from codes to pictures, unbounded output.
        image_shape: of one picture, in [-1, 1], or of one table row.
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module, image_shape: ImageShape) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self._image_shape = image_shape

    def forward(self, images: Tensor) -> Tensor:
        """Returns energies (n, 1), >= 0, low for pictures like those of the data."""
        return self.energies(images, self.encoder(images))

    def energies(self, images: Tensor, codes: Tensor) -> Tensor:
        """Returns the energies (n, 1) of pictures whose codes are known, float32 at least."""
        made = squashed(full_precision(self.decoder(codes)), self._image_shape)
        errors = made - full_precision(images)
        return torch.linalg.vector_norm(errors.flatten(1), dim=1, keepdim=True)
