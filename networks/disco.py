"""DiscoGAN's networks: a translator between two domains and a critic of one domain.

    translator   4 convolutions 4 x 4 of stride 2 with 64, 128, 256, 512 filters, leaky ReLU 0.2;
                 optionally down to a vector and up again; 4 transposed convolutions back, ReLU
    critic       the same 4 convolutions, then one over all remaining pixels to a score

No layer has a bias. Every convolution but the first and the last is followed by a batch norm. The
authors' networks end in a sigmoid; here the model applies it.

Source: Kim, Cha, Kim, Lee and Kim 2017, "Learning to discover cross-domain relations with
generative adversarial networks", arXiv 1703.05192; sizes of layers from the authors' code.
"""

from itertools import pairwise
from typing import final

from torch import Tensor, nn

from networks.annotations import Float
from networks.image_sizes import check_width, checked_image_shape

__all__ = ["DiscoCritic", "DiscoTranslator"]

_HALVINGS = 4
_SLOPE = 0.2


@final
class DiscoTranslator(nn.Sequential):
    """Maps images to images of the same shape, unbounded output.

    Args:
        image_shape: (channels, height, width), sides multiples of 16.
        width: filters of the first layer, at least 1; each of the next three doubles them.
        bottleneck: length of a vector in the middle, 100 in the authors' code; no vector if None.

    Raises:
        ValueError: if a side, `width` or `bottleneck` does not fit.
    """

    def __init__(
        self, image_shape: tuple[int, ...], width: int = 64, bottleneck: int | None = None
    ) -> None:
        sides = _smallest_sides(image_shape, width)
        channels = image_shape[0]
        filters = _filters(channels, width)
        middle: list[nn.Module] = []
        if bottleneck is not None:
            if bottleneck < 1:
                raise ValueError(f"`bottleneck` must be at least 1 or null, got {bottleneck}.")
            middle = [
                nn.Conv2d(filters[-1], bottleneck, sides, bias=False),
                *(nn.BatchNorm2d(bottleneck), nn.LeakyReLU(_SLOPE, inplace=True)),
                nn.ConvTranspose2d(bottleneck, filters[-1], sides, bias=False),
                *(nn.BatchNorm2d(filters[-1]), nn.ReLU(inplace=True)),
            ]
        upwards: list[nn.Module] = []
        for fan_in, fan_out in pairwise(filters[:0:-1]):
            upwards += [
                nn.ConvTranspose2d(fan_in, fan_out, 4, stride=2, padding=1, bias=False),
                *(nn.BatchNorm2d(fan_out), nn.ReLU(inplace=True)),
            ]
        last = nn.ConvTranspose2d(width, channels, 4, stride=2, padding=1, bias=False)
        super().__init__(*_downwards(filters), *middle, *upwards, last)

    def forward(self, images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        return super().forward(images)


@final
class DiscoCritic(nn.Module):
    """Maps images to one score, optionally with the outputs of hidden layers.

    Args:
        image_shape: (channels, height, width), sides multiples of 16.
        num_scores: length of the output, 1 in a GAN.
        width: filters of the first layer, at least 1; each of the next three doubles them.

    Raises:
        ValueError: if a side or `width` does not fit.
    """

    def __init__(self, image_shape: tuple[int, ...], num_scores: int = 1, width: int = 64) -> None:
        super().__init__()
        sides = _smallest_sides(image_shape, width)
        filters = _filters(image_shape[0], width)
        self.levels = nn.ModuleList(_downwards(filters))
        self.last = nn.Conv2d(filters[-1], num_scores, sides, bias=False)

    def forward(self, images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b scores"]:
        return self.scores_and_features(images)[0]

    def scores_and_features(
        self, images: Float[Tensor, "b c h w"]
    ) -> tuple[Float[Tensor, "b scores"], tuple[Tensor, ...]]:
        """Returns scores, and the outputs of the second, third and fourth level."""
        features = []
        for level in self.levels:
            images = level(images)
            features.append(images)
        return self.last(images).flatten(1), tuple(features[1:])


def _filters(channels: int, width: int) -> list[int]:
    return [channels, *(width * 2**level for level in range(_HALVINGS))]


def _downwards(filters: list[int]) -> list[nn.Module]:
    """Returns one block per level: convolution, batch norm (not in the first), leaky ReLU."""
    return [
        nn.Sequential(
            nn.Conv2d(fan_in, fan_out, 4, stride=2, padding=1, bias=False),
            *([nn.BatchNorm2d(fan_out)] if level > 0 else []),
            nn.LeakyReLU(_SLOPE, inplace=True),
        )
        for level, (fan_in, fan_out) in enumerate(pairwise(filters))
    ]


def _smallest_sides(image_shape: tuple[int, ...], width: int) -> tuple[int, int]:
    """Returns the sides of an image after four halvings."""
    check_width(width)
    _, height, breadth = checked_image_shape(image_shape)
    scale = 2**_HALVINGS
    if height % scale or breadth % scale:
        raise ValueError(
            f"`image_shape` must have sides that are multiples of {scale}, such as 32, 48 or 64, "
            f"got {tuple(image_shape)}; resize the images or take MLPTranslator (any)."
        )
    return height // scale, breadth // scale
