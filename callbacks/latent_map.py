"""A scatter plot of latents, and a grid of decoded latents."""

from collections.abc import Iterator
from typing import final

import torch
from jaxtyping import Float
from lightning import LightningModule
from torch import Tensor

from callbacks.base.checks import check_at_least
from callbacks.base.decoding import decode, encode
from callbacks.base.epoch_images import AbstractEpochImages
from callbacks.base.first_examples import Examples
from callbacks.base.images import LoggedImage, are_images, grid
from callbacks.base.latent_scatter import scatter_latents
from hawc.samplers.seeding import generator_at

__all__ = ["LatentMap"]


@final
class LatentMap(AbstractEpochImages):
    """Shows the latents of examples by class, and a decoded grid of latents.

    Writes to <run folder>/images, and under "images/" to W&B,

    - epoch-NNNN-latents.png: latents coloured by label over as many samples of the prior (grey), by
      their two coordinates; in more dimensions by their first two principal components, in one
      dimension as histograms;
    - epoch-NNNN-latent-grid.png, for images and two latent dimensions: decoded latents at the
      quantiles (i - 1/2) / n of the normal distribution, the first coordinate to the right and the
      second upwards. Each image stands for an equal share of the distribution.

    Args:
        max_examples: number of validation examples (training examples if there are none), at
            least 1; fewer if the data have fewer.
        grid_size: n, images in a line of the grid; at least 1.
        every_n_epochs: interval in training epochs, at least 1; the last epoch is always shown.
        seed: seed of the samples of the prior, at least 0.

    Raises:
        ValueError: if a number is out of its range.
        TypeError: (when a run starts) if the model is not an autoencoder.
    """

    def __init__(
        self,
        max_examples: int = 1000,
        grid_size: int = 20,
        every_n_epochs: int = 5,
        seed: int = 0,
    ) -> None:
        check_at_least(1, max_examples=max_examples, grid_size=grid_size)
        check_at_least(0, seed=seed)
        super().__init__(max_examples, every_n_epochs)
        self._grid_size = grid_size
        self._seed = seed

    def make_images(self, module: LightningModule, examples: Examples) -> Iterator[LoggedImage]:
        latents = encode(module, examples.images)
        generator = generator_at(self._seed, 0)
        prior_samples = module.prior.sample(len(latents), generator=generator)
        caption = (
            f"latents of {len(latents)} {examples.origin} examples over samples of {module.prior}"
        )
        figure = scatter_latents(latents, prior_samples.float(), examples.labels)
        yield LoggedImage("images/latents", figure, caption)
        if latents.shape[1] == 2 and are_images(examples.images):
            decoded = decode(module, normal_grid(self._grid_size))
            caption = "decoded latents at quantiles of the normal distribution"
            yield LoggedImage("images/latent-grid", grid(decoded, self._grid_size), caption)


def normal_grid(size: int) -> Float[Tensor, "n 2"]:
    """Returns size^2 points with quantiles of N(0, 1) as coordinates, in image order.

    The first coordinate grows from left to right, the second from the last line to the first.
    """
    quantiles = torch.special.ndtri((torch.arange(size) + 0.5) / size)
    second, first = torch.meshgrid(quantiles.flip(0), quantiles, indexing="ij")
    return torch.stack([first.flatten(), second.flatten()], dim=1)
