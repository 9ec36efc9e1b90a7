"""Where the codes lie, and what the decoder makes of the places between them."""

from collections.abc import Iterator
from typing import final

import torch
from jaxtyping import Float
from lightning import LightningModule
from torch import Tensor

from callbacks.base.checks import check_at_least
from callbacks.base.decoding import decode, encode
from callbacks.base.epoch_images import AbstractEpochPictures
from callbacks.base.first_examples import Items
from callbacks.base.images import Picture, are_pictures, grid
from callbacks.base.latent_scatter import scatter

__all__ = ["LatentMap"]


@final
class LatentMap(AbstractEpochPictures):
    """Shows the codes of the first items by class, and a latent plane decoded.

    Writes to <run folder>/pictures, and under "pictures/" to W&B, each time it is due

    - epoch-NNNN-latent-codes.png: codes coloured by label, over as many draws of the law they
      should follow (grey); the codes themselves in two dimensions, their first two principal
      components in more, a histogram in one;
    - epoch-NNNN-latent-grid.png, if the latent has two dimensions and items are pictures: decoded
      latents at the normal law's quantiles (i - 1/2) / n, the first coordinate to the right, the
      second upwards, so that each picture stands for an equal share of that law.

    Args:
        max_items: validation items (training items where there are none), at least 1.
        grid_size: n, pictures in a line of the grid; at least 1.
        every_n_epochs: interval in training epochs, at least 1; the last epoch is always shown.
        seed: of the law's draws, at least 0.

    Raises:
        ValueError: if a number is out of its range.
        TypeError: (when a run starts) if the model is no autoencoder.
    """

    def __init__(
        self,
        max_items: int = 1000,
        grid_size: int = 20,
        every_n_epochs: int = 5,
        seed: int = 0,
    ) -> None:
        check_at_least(1, max_items=max_items, grid_size=grid_size)
        check_at_least(0, seed=seed)
        super().__init__(max_items, every_n_epochs)
        self._grid_size = grid_size
        self._seed = seed

    def pictures(self, module: LightningModule, items: Items) -> Iterator[Picture]:
        codes = encode(module, items.images)
        generator = torch.Generator().manual_seed(self._seed)
        law = module.latent_target.sample(len(codes), generator=generator)
        caption = f"codes of {len(codes)} {items.origin} items over draws of {module.latent_target}"
        figure = scatter(codes, law.float(), items.labels)
        yield Picture("pictures/latent-codes", figure, caption)
        if codes.shape[1] == 2 and are_pictures(items.images):
            decoded = decode(module, normal_grid(self._grid_size))
            caption = "decoded latents at quantiles of the normal law"
            yield Picture("pictures/latent-grid", grid(decoded, self._grid_size), caption)


def normal_grid(size: int) -> Float[Tensor, "n 2"]:
    """Returns size^2 points whose coordinates are quantiles of N(0, 1), in the order of a picture.

    Lines go from left to right, the first line has the largest second coordinate.
    """
    quantiles = torch.special.ndtri((torch.arange(size) + 0.5) / size)
    second, first = torch.meshgrid(quantiles.flip(0), quantiles, indexing="ij")
    return torch.stack([first.flatten(), second.flatten()], dim=1)
