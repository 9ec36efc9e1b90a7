"""Callbacks that show a model's images of the same examples every few epochs."""

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from lightning import LightningModule, Trainer

from callbacks.base.checks import check_at_least
from callbacks.base.decoding import evaluating
from callbacks.base.first_examples import Examples, FirstExamples
from callbacks.base.images import LoggedImage, show
from callbacks.base.model_callback import AbstractModelCallback
from lightning_modules.interface import Autoencoder, HasColumns, provides

__all__ = ["AbstractEpochImages"]


class AbstractEpochImages(AbstractModelCallback):
    """Shows a model's images after every n-th training epoch and after the last one.

    They are made of the first validation examples or, before any validation, of the first training
    examples that this process saw: of the same ones each time. The first process draws. The model
    is read in eval mode and its modes are put back; nothing here draws from a global generator.

    Args:
        num_examples: of the data, at least 1.
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
        self._last_epoch, self._shown_epoch = 0, 0

    @abstractmethod
    def images(self, module: LightningModule, examples: Examples) -> Iterable[LoggedImage]:
        """Returns the images of a model, which is in eval mode, for some examples."""

    @property
    def needs(self) -> type:
        return Autoencoder

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        super().setup(trainer, pl_module, stage)
        self._validation = FirstExamples(self._num_examples, "validation")
        self._training = FirstExamples(self._num_examples, "training")
        self._last_epoch = self._shown_epoch = 0

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
            self._show(trainer, pl_module)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._show(trainer, pl_module)

    def _show(self, trainer: Trainer, pl_module: LightningModule) -> None:
        kept = self._validation if len(self._validation) else self._training
        if self._shown_epoch == self._last_epoch or not len(kept):
            return
        self._shown_epoch = self._last_epoch
        data: Any = trainer.datamodule
        names = data.column_names if provides(data, HasColumns) else ()
        examples = replace(kept.items(), column_names=names)
        with evaluating(pl_module):
            for image in self.images(pl_module, examples):
                show(trainer, image, self._last_epoch)
