"""How far a generator's samples are from the examples held out, also for models without
validation.
"""

from collections.abc import Mapping, Sequence
from typing import Any, final

import torch
from lightning import Callback, LightningDataModule, LightningModule, Trainer
from torch import Tensor
from torchmetrics import Metric

from callbacks.base.checks import check_at_least
from callbacks.base.decoding import decode
from callbacks.base.generator_callback import AbstractGeneratorCallback
from callbacks.base.metric_values import check_forgetful, measured, share_of_examples
from hawc.samplers.seeding import generator_at
from lightning_modules.interface import LatentGenerator, ValidationSplit, provides

__all__ = ["ValidationDistances"]


@final
class ValidationDistances(AbstractGeneratorCallback):
    """Logs measures of generated against held-out examples as val/<name>, val/<name>/<part> if
    many.

    After every `every_n_epochs`-th training epoch the same `num_samples` independent latents are
    decoded and compared with the first `num_samples` examples held out, or all if there are fewer.
    Adversarial models have no validation step; this is their validation on toy distributions. Under
    several processes each decodes and measures its share; the measures put them together.

    Args:
        metrics: by name: torchmetrics with `update(images, real)`, as those of ``metrics`` have;
            their `reset` must forget real examples too, which are given anew each time.
        num_samples: generated and held-out examples to compare, at least 1.
        every_n_epochs: interval in training epochs, at least 1.
        seed: of the latents, at least 0.
        use_ema: whether the average that the callback GeneratorEMA keeps decodes, once there is
            one.

    Raises:
        ValueError: if a number is out of its range, there is no measure, a measure keeps real
            examples, or (when a run starts) if nothing is held out or `use_ema` is set without a
            GeneratorEMA.
        TypeError: (when a run starts) if the model cannot be sampled.
    """

    def __init__(
        self,
        metrics: Mapping[str, Metric],
        num_samples: int = 300,
        every_n_epochs: int = 1,
        seed: int = 0,
        use_ema: bool = False,
    ) -> None:
        super().__init__(use_ema)
        check_at_least(1, num_samples=num_samples, every_n_epochs=every_n_epochs)
        check_at_least(0, seed=seed)
        if not metrics:
            raise ValueError("`metrics` must name at least one measure, got none.")
        check_forgetful(metrics)
        self._metrics = dict(metrics)
        self._num_samples = num_samples
        self._every_n_epochs = every_n_epochs
        self._seed = seed

    def check_surroundings(
        self, callbacks: Sequence[Callback], datamodule: LightningDataModule | None
    ) -> None:
        has_split = provides(datamodule, ValidationSplit)
        if datamodule is None or (has_split and datamodule.num_validation == 0):
            raise ValueError(
                "ValidationDistances needs a data module with examples held out, got "
                f"{type(datamodule).__name__} without; leave `num_validation` out or raise it."
            )
        super().check_surroundings(callbacks, datamodule)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if (trainer.current_epoch + 1) % self._every_n_epochs:
            return
        real, made = self._held_out(trainer), self._samples(trainer, pl_module)
        values = measured(self._metrics, made, real, pl_module.device, "val")
        pl_module.log_dict(values, rank_zero_only=True)

    def _held_out(self, trainer: Trainer) -> Tensor:
        """Returns this process's share of the first examples held out."""
        wanted, found = share_of_examples(self._num_samples, trainer), []
        data: Any = trainer.datamodule
        for batch in data.val_dataloader():
            found.append(batch[0])
            if sum(map(len, found)) >= wanted:
                break
        return torch.cat(found)[:wanted]

    def _samples(self, trainer: Trainer, module: LightningModule) -> Tensor:
        assert provides(module, LatentGenerator)  # setup has seen to it
        generator = generator_at(self._seed, 0)
        z = module.prior.sample(self._num_samples, generator=generator)
        share = z.tensor_split(trainer.world_size)[trainer.global_rank]
        with self.decoding(trainer, module):
            return decode(module, share)
