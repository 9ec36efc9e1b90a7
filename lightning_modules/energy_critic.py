"""An autoencoder as the critic of an energy-based GAN."""

from typing import final

import torch
from torch import Tensor, nn

__all__ = ["EnergyCritic"]


@final
class EnergyCritic(nn.Module):
    """Gives each picture its reconstruction error |Dec(Enc(x)) - x|, the Euclidean norm.

    Args:
        encoder: from pictures to codes.
        decoder: from codes to pictures, unbounded output.
        bounded: whether pictures lie in [-1, 1], and reconstructions are brought there by tanh.
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module, bounded: bool) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self._bounded = bounded

    def forward(self, images: Tensor) -> Tensor:
        """Returns energies (n, 1), >= 0, low for pictures like those of the data."""
        return self.energies(images, self.encoder(images))

    def energies(self, images: Tensor, codes: Tensor) -> Tensor:
        """Returns the energies (n, 1) of pictures whose codes are known, in float32."""
        output = self.decoder(codes)
        errors = (output.tanh() if self._bounded else output) - images
        return torch.linalg.vector_norm(errors.flatten(1).float(), dim=1, keepdim=True)
