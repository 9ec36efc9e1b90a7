"""The training step of models with one loss and one optimizer."""

from abc import abstractmethod
from typing import Any

from lightning import LightningModule
from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor

from lightning_modules.base.checkpoints import forget_class_path
from lightning_modules.base.checks import BatchContract, forget_callables
from lightning_modules.base.finite import LossWatch, check_finite_weights
from lightning_modules.base.optimization import Optimization, configured, note_classes, resume
from lightning_modules.base.runtime import AbstractPlainAttributes, is_fitting, is_logged
from lightning_modules.base.step_seed import seed_step
from lightning_modules.interface import ImageShape

__all__ = ["AbstractOneLoss"]


class AbstractOneLoss(AbstractPlainAttributes, LightningModule):
    """A model that minimises `losses` and logs each of their terms.

    val/<name> and test/<name> are means over all examples. train/<name> is of one batch, logged
    every `log_every_n_steps` steps and at the end of an epoch.

    Args:
        image_shape: of one image (channels, height, width), or of one table row (features,).
        optimizer: of all parameters.
        scheduler: of the learning rate, stepped after each epoch; None: a constant rate. A resumed
            run with a scheduler of the same class continues the checkpoint's rate, momenta and
            schedule and warns of different settings; another scheduler starts anew.

    Raises:
        TrainingError: (in a step) if the loss is not finite or a batch breaks `BatchContract`.
    """

    def __init__(
        self,
        image_shape: ImageShape,
        optimizer: OptimizerCallable,
        scheduler: LRSchedulerCallable | None,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        forget_callables(self)
        self.image_shape = tuple(image_shape)
        self.batch_contract = BatchContract(self.image_shape, type(self).__name__)
        self._optimization = Optimization(optimizer, scheduler)
        self._loss_watch = LossWatch()

    @abstractmethod
    def losses(self, images: Tensor) -> dict[str, Tensor]:
        """Returns scalars by name, means over the batch; "loss" is the one to minimise."""

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        # under gradient accumulation several batches share one global_step
        seed_step((self.global_step, batch_idx), self.global_rank)
        is_step_logged = is_logged(self.trainer, self.global_step)
        (images,) = self.batch_contract.examples(batch)
        losses = self._checked_losses(images, is_step_logged)
        if is_step_logged:
            self.log_dict({f"train/{name}": value for name, value in losses.items()})
        return losses["loss"]

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self._log_evaluation("val", batch)

    def test_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self._log_evaluation("test", batch)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        return configured([self._optimization.make(self.parameters())])

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self._loss_watch.check(f"step {self.global_step}")
        check_finite_weights(checkpoint, f"step {self.global_step}")
        note_classes(checkpoint, self)
        forget_class_path(checkpoint)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        if is_fitting(self):
            pairs = [self._optimization.make(self.parameters())]
            resume(checkpoint, [self._optimization], pairs, self.hparams)

    def _log_evaluation(self, stage: str, batch: tuple[Tensor, Tensor]) -> None:
        (images,) = self.batch_contract.examples(batch)
        losses: dict[str, Any] = {
            f"{stage}/{k}": v for k, v in self._checked_losses(images, is_logged=True).items()
        }
        self.log_dict(losses, batch_size=len(images), sync_dist=True)

    def _checked_losses(self, images: Tensor, is_logged: bool) -> dict[str, Tensor]:
        losses = self.losses(images)
        self._loss_watch.inspect(losses, f"step {self.global_step}", is_logged=is_logged)
        return losses
