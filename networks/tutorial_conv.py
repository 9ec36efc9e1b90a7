"""Networks of TensorFlow's tutorial on convolutional VAEs, for images like MNIST's.

    encoder   conv 3x3 stride 2, F filters, ReLU;  conv 3x3 stride 2, 2F filters, ReLU;  linear
    decoder   linear to F x (h/4) x (w/4), ReLU;  transposed conv 3x3 stride 2, 2F filters, ReLU;
              transposed conv 3x3 stride 2, F filters, ReLU;  transposed conv 3x3 stride 1

with F = 32. The encoder's convolutions are not padded; the decoder's double the sides exactly.
There is no batch normalisation. Weights start as in Keras: uniform after Glorot, biases 0.

Source: the tutorial "Convolutional Variational Autoencoder" of the TensorFlow documentation.
"""

from typing import final

from torch import Tensor, nn

from networks.annotations import Float
from networks.image_sizes import checked_image_shape
from networks.initialization import initialize_like_keras

__all__ = ["TutorialConvDecoder", "TutorialConvEncoder"]


@final
class TutorialConvEncoder(nn.Sequential):
    """Maps images to vectors by two convolutions.

    Args:
        image_shape: (channels, height, width), sides multiples of 4 and at least 8.
        latent_dim: length of the output.
        filters: (first, second) numbers of filters.

    Raises:
        ValueError: if the shape or a number of filters does not fit.
    """

    def __init__(
        self,
        image_shape: tuple[int, ...],
        latent_dim: int,
        filters: tuple[int, int] = (32, 64),
    ) -> None:
        height, breadth = _quarter_sides(image_shape, filters)
        first, second = filters
        # unpadded 3 x 3 convolutions of stride 2 map sides 4 m to 2 m - 1 to m - 1
        features = second * (height - 1) * (breadth - 1)
        super().__init__(
            nn.Conv2d(image_shape[0], first, 3, stride=2),
            nn.ReLU(),
            nn.Conv2d(first, second, 3, stride=2),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(features, latent_dim),
        )
        self.apply(initialize_like_keras)

    def forward(self, images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d"]:
        return super().forward(images)


@final
class TutorialConvDecoder(nn.Sequential):
    """Maps vectors to images by three transposed convolutions, unbounded output.

    Args:
        image_shape: (channels, height, width), sides multiples of 4 and at least 8.
        latent_dim: length of the input.
        filters: numbers of filters in the encoder's order; the decoder applies the second first.
        base_channels: channels of the smallest image, the output of the linear layer.

    Raises:
        ValueError: if the shape or a number of filters does not fit.
    """

    def __init__(
        self,
        image_shape: tuple[int, ...],
        latent_dim: int,
        filters: tuple[int, int] = (32, 64),
        base_channels: int = 32,
    ) -> None:
        height, breadth = _quarter_sides(image_shape, (*filters, base_channels))
        first, second = filters
        super().__init__(
            nn.Linear(latent_dim, base_channels * height * breadth),
            nn.ReLU(),
            nn.Unflatten(1, (base_channels, height, breadth)),
            nn.ConvTranspose2d(base_channels, second, 3, stride=2, padding=1, output_padding=1),
            nn.ReLU(),
            nn.ConvTranspose2d(second, first, 3, stride=2, padding=1, output_padding=1),
            nn.ReLU(),
            nn.ConvTranspose2d(first, image_shape[0], 3, padding=1),
        )
        self.apply(initialize_like_keras)

    def forward(self, latents: Float[Tensor, "b d"]) -> Float[Tensor, "b c h w"]:
        return super().forward(latents)


def _quarter_sides(image_shape: tuple[int, ...], filters: tuple[int, ...]) -> tuple[int, int]:
    _, height, breadth = checked_image_shape(image_shape)
    if height % 4 or breadth % 4 or min(height, breadth) < 8:
        raise ValueError(
            "`image_shape` must have sides that are multiples of 4 and at least 8, got "
            f"{tuple(image_shape)}; resize the images or take CWAEEncoder and CWAEDecoder (even "
            "sides) or MLPEncoder and MLPDecoder (any)."
        )
    if min(filters) < 1:
        raise ValueError(f"`filters` and channels must be at least 1, got {filters}.")
    return height // 4, breadth // 4
