"""Strided convolutional networks after DCGAN, for images whose sides halve to 4 to 7 pixels.

28 x 28 goes through 14 to 7, 32 x 32 through 16 and 8 to 4, 64 x 64 one step further.
`num_halvings` halves sides more often and rounds odd ones down: 28 x 28 through 14 and 7 to 3. A
unit of the last layer then sees more of the image, which helps a critic to judge whole digits.

Source: Radford, Metz and Chintala 2015, "Unsupervised representation learning with deep
convolutional generative adversarial networks", arXiv 1511.06434.
"""

from math import prod
from typing import final

from torch import Tensor, nn

from networks.annotations import Float
from networks.image_sizes import check_width, halved_sides

__all__ = ["ConvDecoder", "ConvEncoder"]


@final
class ConvEncoder(nn.Sequential):
    """Maps images to vectors by 4 x 4 convolutions of stride 2 with leaky ReLU 0.2.

    Args:
        image_shape: (channels, height, width).
        latent_dim: length of the output; 1 for a critic.
        width: channels of the first layer; each further layer doubles them.
        batch_norm: whether all layers but the first are batch-normalised.
        num_halvings: layers before the last, each of which halves the sides. If None, sides are
            halved to between 4 and 7 pixels.

    Raises:
        ValueError: if `image_shape`, `width` or `num_halvings` is out of its range.
    """

    def __init__(
        self,
        image_shape: tuple[int, ...],
        latent_dim: int,
        width: int = 64,
        batch_norm: bool = True,
        num_halvings: int | None = None,
    ) -> None:
        check_width(width)
        sides = halved_sides(image_shape, num_halvings)
        layers: list[nn.Module] = []
        fan_in = image_shape[0]
        for level in range(len(sides) - 1):
            fan_out = width * 2**level
            normalized = batch_norm and level > 0
            layers.append(nn.Conv2d(fan_in, fan_out, 4, stride=2, padding=1, bias=not normalized))
            layers += [nn.BatchNorm2d(fan_out)] if normalized else []
            layers.append(nn.LeakyReLU(0.2, inplace=True))
            fan_in = fan_out
        super().__init__(*layers, nn.Flatten(), nn.Linear(fan_in * prod(sides[-1]), latent_dim))
        self.apply(_initialize)

    def forward(self, images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d"]:
        return super().forward(images)


@final
class ConvDecoder(nn.Sequential):
    """Maps vectors to images by transposed 4 x 4 convolutions of stride 2, unbounded output.

    Args:
        image_shape: (channels, height, width).
        latent_dim: length of the input.
        width: channels of the last hidden layer; each earlier layer has twice as many.
        batch_norm: whether the hidden layers are batch-normalised.
        num_halvings: layers after the first, each of which doubles the sides. If None, sides start
            with between 4 and 7 pixels.

    Raises:
        ValueError: if `image_shape`, `width` or `num_halvings` is out of its range.
    """

    def __init__(
        self,
        image_shape: tuple[int, ...],
        latent_dim: int,
        width: int = 64,
        batch_norm: bool = True,
        num_halvings: int | None = None,
    ) -> None:
        check_width(width)
        sides = halved_sides(image_shape, num_halvings)[::-1]
        fan_in = width * 2 ** (len(sides) - 2)
        layers: list[nn.Module] = [
            nn.Linear(latent_dim, fan_in * prod(sides[0])),
            nn.Unflatten(1, (fan_in, *sides[0])),
            *([nn.BatchNorm2d(fan_in)] if batch_norm else []),
            nn.ReLU(inplace=True),
        ]
        for larger in sides[1:-1]:
            fan_out = fan_in // 2
            layers.append(_doubling(fan_in, fan_out, larger, bias=not batch_norm))
            layers += [nn.BatchNorm2d(fan_out)] if batch_norm else []
            layers.append(nn.ReLU(inplace=True))
            fan_in = fan_out
        layers.append(_doubling(fan_in, image_shape[0], sides[-1]))
        super().__init__(*layers)
        self.apply(_initialize)

    def forward(self, latents: Float[Tensor, "b d"]) -> Float[Tensor, "b c h w"]:
        return super().forward(latents)


def _doubling(
    fan_in: int, fan_out: int, sides: tuple[int, int], bias: bool = True
) -> nn.ConvTranspose2d:
    """Returns a layer that doubles sides; `sides` are those of its output, even or odd."""
    odd = (sides[0] % 2, sides[1] % 2)
    return nn.ConvTranspose2d(
        fan_in, fan_out, 4, stride=2, padding=1, output_padding=odd, bias=bias
    )


def _initialize(layer: nn.Module) -> None:
    """Starts as DCGAN: weights N(0, 0.02^2), batch norm scales N(1, 0.02^2), biases 0."""
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.normal_(layer.weight, 0.0, 0.02)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    elif isinstance(layer, nn.BatchNorm2d):
        nn.init.normal_(layer.weight, 1.0, 0.02)
        nn.init.zeros_(layer.bias)
