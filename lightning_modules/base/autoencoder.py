"""The base of autoencoders: an encoder and a decoder between images and latents."""

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from torch import Tensor

from hawc.targets import AbstractTarget
from lightning_modules.base.checks import check_sizes
from lightning_modules.base.one_loss import AbstractOneLoss
from lightning_modules.interface import ImageShape, NetworkFactory
from lightning_modules.losses.likelihoods import check_unit_interval

__all__ = ["AbstractAutoencoder"]


class AbstractAutoencoder(AbstractOneLoss, ABC):
    """An encoder and a decoder, trained together on one loss.

    Args:
        image_shape: of one image (channels, height, width), or of one table row (features,).
        latent_dim: number of latent coordinates, at least 1.
        encoder: builds the network from images to latents; in VAE to their mean and log variance.
        decoder: builds the network from latents to logits of pixels, or to table rows.
        optimizer: of all parameters.
        scheduler: of the learning rate, stepped after each epoch; None: a constant rate.

    Raises:
        ValueError: if `latent_dim` < 1 or `image_shape` is empty or not positive.
        TrainingError: (in a step) if the loss is not finite or a batch breaks `BatchContract`.
    """

    statistics_per_latent: ClassVar[int] = 1
    """Outputs of the encoder for each latent coordinate."""

    def __init__(
        self,
        image_shape: ImageShape,
        latent_dim: int,
        encoder: NetworkFactory,
        decoder: NetworkFactory,
        optimizer: OptimizerCallable = torch.optim.Adam,
        scheduler: LRSchedulerCallable | None = None,
    ) -> None:
        check_sizes(image_shape, latent_dim)
        super().__init__(image_shape, optimizer, scheduler)
        self.latent_dim = latent_dim
        self._were_pixels_checked = False
        self.encoder = encoder(self.image_shape, self.statistics_per_latent * latent_dim)
        self.decoder = decoder(self.image_shape, latent_dim)

    @property
    @abstractmethod
    def prior(self) -> AbstractTarget:
        """The distribution that encoded images should follow."""

    @abstractmethod
    def encode(self, images: Tensor) -> Tensor:
        """Returns the most likely latents (n, d) of images (n, *image_shape)."""

    def sample_latents(self, images: Tensor) -> Tensor:
        """Returns latents (n, d) as in training, which may be random."""
        return self.encode(images)

    def decode(self, z: Tensor) -> Tensor:
        """Returns images (n, *image_shape) in [0, 1], or table rows, for latents (n, d)."""
        return self.as_images(self.decoder(z))

    def check_pixels(self, images: Tensor) -> None:
        """Raises TrainingError unless pixels are in [0, 1], for a Bernoulli likelihood.

        On a GPU the check waits for all work in progress. It is made there only for the first
        batch of the process and outside training.
        """
        if images.is_cpu or not self.training or not self._were_pixels_checked:
            check_unit_interval(images)
            self._were_pixels_checked = True

    def as_images(self, output: Tensor) -> Tensor:
        """Maps a decoder's output to pixels by a sigmoid; table rows are unchanged."""
        return output.sigmoid() if len(self.image_shape) == 3 else output
