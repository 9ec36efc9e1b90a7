"""The base class of callbacks that log images of the same examples repeatedly."""

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from lightning import LightningModule, Trainer

from callbacks.base.checks import check_at_least
from callbacks.base.decoding import evaluating
from callbacks.base.first_examples import Examples, FirstExamples
from callbacks.base.images import LoggedImage, log_image
from callbacks.base.model_callback import AbstractModelCallback
from lightning_modules.interface import Autoencoder, HasColumns, provides

__all__ = ["AbstractEpochImages"]


class AbstractEpochImages(AbstractModelCallback):
    """Logs images of the same examples every n-th training epoch and after the last.

    The examples are the first validation examples. Without validation they are the first training
    examples that the first process received. Only the first process logs. The model is switched to
    eval mode during the call and restored afterwards. No global random number generator is used.

    Args:
        num_examples: number of examples, at least 1.
        every_n_epochs: interval in training epochs, at least 1.

    Raises:
        ValueError: if a number is out of its range.
    """

    def __init__(self, num_examples: int, every_n_epochs: int) -> None:
        check_at_least(1, every_n_epochs=every_n_epochs)
        self._num_examples = num_examples
        self._every_n_epochs = every_n_epochs
        self._validation = FirstExamples(num_examples, "validation")
        self._training = FirstExamples(num_examples, "training")
        self._last_epoch, self._logged_epoch = 0, 0

    @abstractmethod
    def make_images(self, module: LightningModule, examples: Examples) -> Iterable[LoggedImage]:
        """Returns the images to log.

        Args:
            module: the model, in eval mode and without gradients.
            examples: the examples of every epoch.
        """

    @property
    def model_protocol(self) -> type:
        return Autoencoder

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        super().setup(trainer, pl_module, stage)
        self._validation = FirstExamples(self._num_examples, "validation")
        self._training = FirstExamples(self._num_examples, "training")
        self._last_epoch = self._logged_epoch = 0

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        if trainer.is_global_zero and not trainer.sanity_checking and dataloader_idx == 0:
            self._validation.add(batch)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._validation.end_pass()

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        if trainer.is_global_zero:
            self._training.add(batch)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._training.end_pass()
        self._last_epoch = trainer.current_epoch + 1
        if self._last_epoch % self._every_n_epochs == 0:
            self._log_images(trainer, pl_module)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._log_images(trainer, pl_module)

    def _log_images(self, trainer: Trainer, pl_module: LightningModule) -> None:
        kept = self._validation if len(self._validation) else self._training
        if self._logged_epoch == self._last_epoch or not len(kept):
            return
        self._logged_epoch = self._last_epoch
        data: Any = trainer.datamodule
        names = data.column_names if provides(data, HasColumns) else ()
        examples = replace(kept.examples(), column_names=names)
        with evaluating(pl_module):
            for image in self.make_images(pl_module, examples):
                log_image(trainer, image, self._last_epoch)
