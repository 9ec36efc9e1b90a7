"""The base class of callbacks that decode latents between training steps."""

from abc import ABC
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext

from lightning import Callback, LightningDataModule, LightningModule, Trainer

from callbacks.base.decoding import evaluating
from callbacks.base.model_callback import AbstractModelCallback
from callbacks.generator_ema import find_generator_ema
from lightning_modules.interface import LatentGenerator

__all__ = ["AbstractGeneratorCallback"]


class AbstractGeneratorCallback(AbstractModelCallback, ABC):
    """A callback that shows or evaluates the samples of a generator.

    Args:
        use_ema: whether to decode by the average of the callback GeneratorEMA, as soon as it has
            one.

    Raises:
        ValueError: (when a run starts) if `use_ema` is set without a GeneratorEMA.
        TypeError: (when a run starts) if the model has no `prior` or `decode`.
    """

    def __init__(self, use_ema: bool) -> None:
        self._use_ema = use_ema

    @property
    def model_protocol(self) -> type:
        return LatentGenerator

    def check_surroundings(
        self, callbacks: Sequence[Callback], datamodule: LightningDataModule | None
    ) -> None:
        if self._use_ema:
            find_generator_ema(callbacks, type(self).__name__)

    @contextmanager
    def decoding(self, trainer: Trainer, module: LightningModule) -> Iterator[None]:
        """Prepares the model for decoding, and restores it afterwards.

        It is in eval mode without gradients and, with `use_ema`, has the averaged weights.
        """
        weights = nullcontext()
        if self._use_ema:
            ema = find_generator_ema(trainer.callbacks, type(self).__name__)
            weights = ema.applied(module)
        with evaluating(module), weights:
            yield
