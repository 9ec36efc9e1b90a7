"""The training step of every autoencoder: one optimizer, one loss with named terms."""

from abc import ABC, abstractmethod
from typing import Any

import torch
from lightning import LightningModule
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor
from torch.optim import Optimizer

from hawc import AbstractTarget
from lightning_modules.hyperparameters import (
    check_sizes,
    forget_callables,
    keep_configured_settings,
)
from lightning_modules.interface import ImageShape, NetworkFactory
from lightning_modules.step_seed import seed_step

__all__ = ["AbstractAutoencoder"]


class AbstractAutoencoder(LightningModule, ABC):
    """An encoder and a decoder trained together on `losses`.

    Logs every term of `losses` as train/<name> and val/<name>.

    Args:
        image_shape: of one picture or row, without the batch.
        latent_dim: number of latent coordinates, at least 1.
        encoder: builds the network from pictures to latent statistics.
        decoder: builds the network from latents to pictures, unbounded output.
        optimizer: of all parameters.

    Raises:
        ValueError: if `latent_dim` < 1 or `image_shape` is empty or not positive.
    """

    def __init__(
        self,
        image_shape: ImageShape,
        latent_dim: int,
        encoder: NetworkFactory,
        decoder: NetworkFactory,
        optimizer: OptimizerCallable = torch.optim.Adam,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        forget_callables(self)
        check_sizes(image_shape, latent_dim)
        self.latent_dim = latent_dim
        self.encoder = encoder(tuple(image_shape), latent_dim)
        self.decoder = decoder(tuple(image_shape), latent_dim)
        self._make_optimizer = optimizer

    @property
    @abstractmethod
    def latent_target(self) -> AbstractTarget:
        """The law that the latent codes are drawn to."""

    @abstractmethod
    def losses(self, images: Tensor) -> dict[str, Tensor]:
        """Returns scalars by name, means over the batch; "loss" is the one to minimise."""

    @abstractmethod
    def encode(self, images: Tensor) -> Tensor:
        """Returns latents (n, d) of pictures (n, *image_shape)."""

    @abstractmethod
    def decode(self, z: Tensor) -> Tensor:
        """Returns pictures (n, *image_shape) in [0, 1] of latents (n, d)."""

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        # under gradient accumulation several batches share one global_step
        seed_step((self.global_step, batch_idx), self.global_rank)
        losses = self.losses(batch[0])
        self.log_dict({f"train/{name}": value.detach() for name, value in losses.items()})
        return losses["loss"]

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self._log_evaluation("val", batch[0])

    def test_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self._log_evaluation("test", batch[0])

    def configure_optimizers(self) -> Optimizer:
        return self._make_optimizer(self.parameters())

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        keep_configured_settings(checkpoint, [self.configure_optimizers()])

    def _log_evaluation(self, stage: str, images: Tensor) -> None:
        losses: dict[str, Any] = {f"{stage}/{k}": v for k, v in self.losses(images).items()}
        self.log_dict(losses, batch_size=len(images), sync_dist=True)
