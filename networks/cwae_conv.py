"""CIFAR-10 networks of the Radon-Sobolev and the Cramer-Wold autoencoder.

    encoder   conv 2x2, 3 filters;  conv 2x2 stride 2, 32;  conv 2x2, 32;  conv 2x2, 32;
              linear 128;  linear to the latent, ReLU after all layers but the last
    decoder   linear 128;  linear to 32 x (h/2) x (w/2);  transposed conv 2x2, 32, twice;
              transposed conv 3x3 stride 2, 32, one pixel larger than 2 (h/2);  conv 2x2, unpadded

"Same" padding of a 2 x 2 filter adds a row and a column at the end. Weights start as in Keras.

Source: Knop et al. 2020, "Cramer-Wold auto-encoder", JMLR 21(164), arXiv 1805.09235, whose networks
Turinici 2021, arXiv 1911.13135, uses for CIFAR-10 with a latent of 64.
"""

from typing import final

from torch import Tensor, nn

from networks.annotations import Float
from networks.image_sizes import checked_image_shape
from networks.initialization import initialize_like_keras

__all__ = ["CWAEDecoder", "CWAEEncoder"]

_WIDTH = 32
_HIDDEN = 128


@final
class CWAEEncoder(nn.Sequential):
    """Maps images of even sides to vectors by four convolutions.

    Args:
        image_shape: (channels, height, width), sides even.
        latent_dim: length of the output.

    Raises:
        ValueError: if a side is odd or `image_shape` has not three numbers.
    """

    def __init__(self, image_shape: tuple[int, ...], latent_dim: int) -> None:
        channels, height, breadth = _checked(image_shape)
        features = _WIDTH * (height // 2) * (breadth // 2)
        super().__init__(
            *(*_same(channels, channels), nn.ReLU()),
            *(nn.Conv2d(channels, _WIDTH, 2, stride=2), nn.ReLU()),
            *(*_same(_WIDTH, _WIDTH), nn.ReLU()),
            *(*_same(_WIDTH, _WIDTH), nn.ReLU()),
            *(nn.Flatten(), nn.Linear(features, _HIDDEN), nn.ReLU()),
            nn.Linear(_HIDDEN, latent_dim),
        )
        self.apply(initialize_like_keras)

    def forward(self, images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d"]:
        return super().forward(images)


@final
class CWAEDecoder(nn.Sequential):
    """Maps vectors to images of even sides, unbounded output.

    Args:
        image_shape: (channels, height, width), sides even.
        latent_dim: length of the input.

    Raises:
        ValueError: if a side is odd or `image_shape` has not three numbers.
    """

    def __init__(self, image_shape: tuple[int, ...], latent_dim: int) -> None:
        channels, height, breadth = _checked(image_shape)
        half = (_WIDTH, height // 2, breadth // 2)
        super().__init__(
            *(nn.Linear(latent_dim, _HIDDEN), nn.ReLU()),
            *(nn.Linear(_HIDDEN, half[0] * half[1] * half[2]), nn.ReLU(), nn.Unflatten(1, half)),
            *(*_same(_WIDTH, _WIDTH), nn.ReLU()),
            *(*_same(_WIDTH, _WIDTH), nn.ReLU()),
            *(nn.ConvTranspose2d(_WIDTH, _WIDTH, 3, stride=2), nn.ReLU()),
            nn.Conv2d(_WIDTH, channels, 2),
        )
        self.apply(initialize_like_keras)

    def forward(self, latents: Float[Tensor, "b d"]) -> Float[Tensor, "b c h w"]:
        return super().forward(latents)


def _same(fan_in: int, fan_out: int) -> tuple[nn.Module, nn.Module]:
    """Returns a 2 x 2 convolution that keeps the sides.

    It also stands for the transposed convolution of the decoder, which is its mirror image.
    """
    return nn.ZeroPad2d((0, 1, 0, 1)), nn.Conv2d(fan_in, fan_out, 2)


def _checked(image_shape: tuple[int, ...]) -> tuple[int, int, int]:
    channels, height, breadth = checked_image_shape(image_shape)
    if height % 2 or breadth % 2:
        raise ValueError(
            f"`image_shape` must have even sides, got {tuple(image_shape)}; resize the images or "
            "take MLPEncoder and MLPDecoder."
        )
    return channels, height, breadth
