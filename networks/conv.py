"""Strided convolutional networks after DCGAN, for pictures whose sides halve to 4 to 7 pixels.

28 x 28 goes through 14 to 7, 32 x 32 through 16 and 8 to 4, 64 x 64 one further.

Source: Radford, Metz and Chintala 2015, "Unsupervised representation learning with deep
convolutional generative adversarial networks", arXiv 1511.06434.
"""

from typing import final

from jaxtyping import Float
from torch import Tensor, nn

from networks.halvings import count_halvings
from networks.picture_shape import check_width

__all__ = ["ConvDecoder", "ConvEncoder"]


@final
class ConvEncoder(nn.Sequential):
    """Maps pictures to vectors by 4 x 4 convolutions of stride 2 with leaky ReLU 0.2.

    Args:
        image_shape: (channels, height, width).
        latent_dim: length of the output; 1 for a critic.
        width: channels of the first layer; doubled by each further one.
        batch_norm: whether all layers but the first are batch-normalised.

    Raises:
        ValueError: if it is no picture's shape, its sides cannot be halved to between 4 and 7
            pixels or `width` < 1.
    """

    def __init__(
        self,
        image_shape: tuple[int, ...],
        latent_dim: int,
        width: int = 64,
        batch_norm: bool = True,
    ) -> None:
        check_width(width)
        num_halvings, (height, breadth) = count_halvings(image_shape)
        layers: list[nn.Module] = []
        fan_in = image_shape[0]
        for level in range(num_halvings):
            fan_out = width * 2**level
            normalised = batch_norm and level > 0
            layers.append(nn.Conv2d(fan_in, fan_out, 4, stride=2, padding=1, bias=not normalised))
            layers += [nn.BatchNorm2d(fan_out)] if normalised else []
            layers.append(nn.LeakyReLU(0.2, inplace=True))
            fan_in = fan_out
        super().__init__(*layers, nn.Flatten(), nn.Linear(fan_in * height * breadth, latent_dim))
        self.apply(_initialize)

    def forward(self, images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d"]:
        return super().forward(images)


@final
class ConvDecoder(nn.Sequential):
    """Maps vectors to pictures by transposed 4 x 4 convolutions of stride 2, unbounded output.

    Args:
        image_shape: (channels, height, width).
        latent_dim: length of the input.
        width: channels of the last hidden layer; doubled by each earlier one.
        batch_norm: whether the hidden layers are batch-normalised.

    Raises:
        ValueError: if it is no picture's shape, its sides are not doubled from between 4 and 7
            pixels or `width` < 1.
    """

    def __init__(
        self,
        image_shape: tuple[int, ...],
        latent_dim: int,
        width: int = 64,
        batch_norm: bool = True,
    ) -> None:
        check_width(width)
        num_doublings, (height, breadth) = count_halvings(image_shape)
        fan_in = width * 2 ** (num_doublings - 1)
        layers: list[nn.Module] = [
            nn.Linear(latent_dim, fan_in * height * breadth),
            nn.Unflatten(1, (fan_in, height, breadth)),
            *([nn.BatchNorm2d(fan_in)] if batch_norm else []),
            nn.ReLU(inplace=True),
        ]
        for _ in range(num_doublings - 1):
            fan_out = fan_in // 2
            layers.append(
                nn.ConvTranspose2d(fan_in, fan_out, 4, stride=2, padding=1, bias=not batch_norm)
            )
            layers += [nn.BatchNorm2d(fan_out)] if batch_norm else []
            layers.append(nn.ReLU(inplace=True))
            fan_in = fan_out
        layers.append(nn.ConvTranspose2d(fan_in, image_shape[0], 4, stride=2, padding=1))
        super().__init__(*layers)
        self.apply(_initialize)

    def forward(self, latents: Float[Tensor, "b d"]) -> Float[Tensor, "b c h w"]:
        return super().forward(latents)


def _initialize(layer: nn.Module) -> None:
    """Draws DCGAN's start: weights N(0, 0.02^2), batch norm scales N(1, 0.02^2), biases 0."""
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.normal_(layer.weight, 0.0, 0.02)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    elif isinstance(layer, nn.BatchNorm2d):
        nn.init.normal_(layer.weight, 1.0, 0.02)
        nn.init.zeros_(layer.bias)
