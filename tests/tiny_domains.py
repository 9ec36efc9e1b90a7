"""Two domains of small images and a DiscoGAN of the plane that several tests share."""

from functools import partial
from typing import Any, final

import torch
from torch import Tensor

from datamodules.two_domains import AbstractTwoDomains
from lightning_modules import DiscoGAN
from networks import MLPEncoder, MLPTranslator
from tests.helpers import TINY_SHAPE


@final
class TinyDomains(AbstractTwoDomains):
    """Random images in pairs: as many dark ones as light ones."""

    example = "image"

    def __init__(
        self,
        batch_size: int = 6,
        image_shape: tuple[int, int, int] = TINY_SHAPE,
        num_pairs: int = 40,
    ) -> None:
        super().__init__(batch_size, None)
        self._image_shape = image_shape
        self._num_pairs = num_pairs

    @property
    def image_shape(self) -> tuple[int, int, int]:
        return self._image_shape

    @property
    def is_paired(self) -> bool:
        return True

    def read(self, train: bool) -> tuple[Tensor, Tensor]:
        generator = torch.Generator().manual_seed(0)
        size = (2, self._num_pairs, *self._image_shape)
        dark, light = torch.randint(0, 128, size, generator=generator, dtype=torch.uint8)
        return dark, light + 128


def tiny_disco_gan(image_shape: tuple[int, ...] = (2,), **arguments: Any) -> DiscoGAN:
    translator, critic = (partial(n, widths=(8,)) for n in (MLPTranslator, MLPEncoder))
    return DiscoGAN(image_shape, translator, critic, **arguments)
