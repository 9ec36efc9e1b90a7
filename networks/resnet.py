"""Residual networks of WGAN-GP and SNGAN for images of 32 x 32.

    decoder   linear to 4 x 4 x width;  three blocks that double the sides;  batch norm, ReLU,
              convolution 3 x 3
    encoder   a block from pixels that halves the sides, another one that halves them, two that
              keep them;  ReLU;  mean or sum over all pixels;  linear

No layer of the encoder is normalised. Weights start uniform after Glorot, in the 3 x 3 convolutions
of blocks times the square root of 2. Biases start at 0. The papers differ in

    WGAN-GP   decoder of width 128;  encoder of width 128, mean over the pixels
    SNGAN     decoder of width 256;  encoder of width 128, sum over the pixels, no bias at its end

For images of other sides, which the papers do not have, this module takes more or fewer blocks.
The decoder starts with between 4 and 7 pixels a side. The encoder halves once less often than the
decoder doubles, 32 to 8 and 28 to 14, but at least once.

Source: Gulrajani et al. 2017, "Improved Training of Wasserstein GANs", arXiv 1704.00028, Miyato et
al. 2018, "Spectral Normalization for Generative Adversarial Networks", arXiv 1802.05957, and their
authors' code for CIFAR-10, without labels.
"""

from typing import final

from torch import Tensor, nn

from networks.annotations import Float
from networks.image_sizes import check_width, halved_sides
from networks.initialization import initialize_like_keras
from networks.residual_blocks import doubling_block, halving_block, input_block, keeping_block

__all__ = ["ResNetDecoder", "ResNetEncoder"]


@final
class ResNetEncoder(nn.Module):
    """Maps images to vectors by residual blocks without normalisation.

    Args:
        image_shape: (channels, height, width), sides 4, 5, 6 or 7 times 2, 4, 8 and so on.
        latent_dim: length of the output; 1 for a critic.
        width: channels of all layers, at least 1.
        sum_pixels: whether the last layer takes the sum over the pixels rather than their mean.
        output_bias: whether the last layer has a bias.

    Raises:
        ValueError: if the sides cannot be halved to between 4 and 7 pixels or `width` < 1.
    """

    def __init__(
        self,
        image_shape: tuple[int, ...],
        latent_dim: int,
        width: int = 128,
        sum_pixels: bool = False,
        output_bias: bool = True,
    ) -> None:
        super().__init__()
        num_halvings = len(halved_sides(image_shape)) - 1
        check_width(width)
        self.blocks = nn.Sequential(
            input_block(image_shape[0], width),
            *(halving_block(width) for _ in range(num_halvings - 2)),
            *(keeping_block(width) for _ in range(2)),
            nn.ReLU(),
        )
        self.output = nn.Linear(width, latent_dim, bias=output_bias)
        self.output.apply(initialize_like_keras)
        self._sum_pixels = sum_pixels

    def forward(self, images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d"]:
        features = self.blocks(images).flatten(2)
        return self.output(features.sum(2) if self._sum_pixels else features.mean(2))


@final
class ResNetDecoder(nn.Sequential):
    """Maps vectors to images by residual blocks with batch norms, unbounded output.

    Args:
        image_shape: (channels, height, width), sides 4, 5, 6 or 7 times 2, 4, 8 and so on.
        latent_dim: length of the input.
        width: channels of all layers, at least 1.

    Raises:
        ValueError: if the sides cannot be halved to between 4 and 7 pixels or `width` < 1.
    """

    def __init__(self, image_shape: tuple[int, ...], latent_dim: int, width: int = 128) -> None:
        *larger, sides = halved_sides(image_shape)
        check_width(width)
        first = nn.Linear(latent_dim, width * sides[0] * sides[1])
        last = nn.Conv2d(width, image_shape[0], 3, padding=1)
        for layer in (first, last):
            initialize_like_keras(layer)
        super().__init__(
            *(first, nn.Unflatten(1, (width, *sides))),
            *(doubling_block(width) for _ in larger),
            *(nn.BatchNorm2d(width), nn.ReLU(), last),
        )

    def forward(self, latents: Float[Tensor, "b d"]) -> Float[Tensor, "b c h w"]:
        return super().forward(latents)
