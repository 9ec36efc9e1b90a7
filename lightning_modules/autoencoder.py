"""The training step of every autoencoder: one optimizer, one loss with named terms."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import torch
from lightning import LightningModule
from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor

from hawc import AbstractTarget
from lightning_modules.attachment import is_fitting
from lightning_modules.finite import check_finite_loss, check_finite_weights
from lightning_modules.hyperparameters import check_sizes, forget_callables
from lightning_modules.image_shape import check_image_shape
from lightning_modules.interface import ImageShape, NetworkFactory
from lightning_modules.optimization import Optimization, configured, note_classes, resume
from lightning_modules.step_log import log_step
from lightning_modules.step_seed import seed_step

__all__ = ["AbstractAutoencoder"]


class AbstractAutoencoder(LightningModule, ABC):
    """An encoder and a decoder trained together on `losses`.

    Logs every term of `losses`: as val/<name> and test/<name> means over all pictures, as
    train/<name> the batch's, at every `log_every_n_steps`-th step and at the end of an epoch.

    Args:
        image_shape: of one picture (channels, height, width), or of one table row (features,).
        latent_dim: number of latent coordinates, at least 1.
        encoder: builds the network from pictures to latent statistics.
        decoder: builds the network from latents to pictures, unbounded output.
        optimizer: of all parameters.
        scheduler: of the optimizer's learning rate, stepped after each epoch; none if None. A run
            that resumes one with such a scheduler goes on with the checkpoint's rate, momenta and
            schedule, and warns where others are configured; another scheduler starts anew.

    Raises:
        ValueError: if `latent_dim` < 1 or `image_shape` is empty or not positive.
        TrainingError: (in a step) if the loss is not finite or pictures have another shape.
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
        super().__init__()
        self.save_hyperparameters()
        forget_callables(self)
        check_sizes(image_shape, latent_dim)
        self.image_shape = tuple(image_shape)
        self.latent_dim = latent_dim
        self.encoder = encoder(self.image_shape, self.statistics_per_latent * latent_dim)
        self.decoder = decoder(self.image_shape, latent_dim)
        self._optimization = Optimization(optimizer, scheduler)

    @property
    @abstractmethod
    def latent_target(self) -> AbstractTarget:
        """The law that the latent codes are drawn to."""

    @abstractmethod
    def losses(self, images: Tensor) -> dict[str, Tensor]:
        """Returns scalars by name, means over the batch; "loss" is the one to minimise."""

    @abstractmethod
    def encode(self, images: Tensor) -> Tensor:
        """Returns latents (n, d) of pictures (n, *image_shape), one best one each."""

    def draw_codes(self, images: Tensor) -> Tensor:
        """Returns latents (n, d) as the decoder met them in training, drawn where they are random.

        It is these that should follow `latent_target`.
        """
        return self.encode(images)

    def decode(self, z: Tensor) -> Tensor:
        """Returns pictures (n, *image_shape) in [0, 1], or table rows, of latents (n, d)."""
        return self.as_images(self.decoder(z))

    def as_images(self, output: Tensor) -> Tensor:
        """Returns what a decoder's output stands for: pixels by a sigmoid, table rows as is."""
        return output.sigmoid() if len(self.image_shape) == 3 else output

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        # under gradient accumulation several batches share one global_step
        seed_step((self.global_step, batch_idx), self.global_rank)
        losses = self._checked_losses(batch[0])
        log_step(self, losses, self.global_step)
        return losses["loss"]

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self._log_evaluation("val", batch[0])

    def test_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self._log_evaluation("test", batch[0])

    def configure_optimizers(self) -> OptimizerLRScheduler:
        return configured([self._optimization.make(self.parameters())])

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        check_finite_weights(checkpoint, f"step {self.global_step}")
        note_classes(checkpoint, self)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        if is_fitting(self):
            made = [self._optimization.make(self.parameters())]
            resume(checkpoint, [self._optimization], made, self.hparams)

    def _log_evaluation(self, stage: str, images: Tensor) -> None:
        losses: dict[str, Any] = {
            f"{stage}/{k}": v for k, v in self._checked_losses(images).items()
        }
        self.log_dict(losses, batch_size=len(images), sync_dist=True)

    def _checked_losses(self, images: Tensor) -> dict[str, Tensor]:
        check_image_shape(images, self.image_shape, self)
        losses = self.losses(images)
        check_finite_loss(losses, f"step {self.global_step}")
        return losses
