"""Metrics of a generator's samples against held-out examples."""

from collections.abc import Mapping, Sequence
from typing import Any, final

import torch
from lightning import Callback, LightningDataModule, LightningModule, Trainer
from torch import Tensor
from torchmetrics import Metric

from callbacks.base.checks import check_at_least
from callbacks.base.decoding import decode
from callbacks.base.generator_callback import AbstractGeneratorCallback
from callbacks.base.metric_values import (
    check_reset_clears_real,
    compute_metrics,
    num_local_examples,
)
from hawc.samplers.seeding import generator_at
from lightning_modules.interface import LatentGenerator, provides

__all__ = ["ValidationDistances"]


@final
class ValidationDistances(AbstractGeneratorCallback):
    """Logs metrics of generated against held-out examples as val/<name>.

    After every `every_n_epochs`-th training epoch the same `num_samples` independent latents are
    decoded. They are compared with the first `num_samples` held-out examples, or all if there are
    fewer. A metric with several values is logged as val/<name>/<part>. Adversarial models have no
    validation step; on toy distributions this callback is their validation. Each of several
    processes decodes a share of the latents, and the metrics combine the shares.

    Args:
        metrics: torchmetrics by name, with `update(images, real)` as those of ``metrics``; `reset`
            must forget the real examples.
        num_samples: number of generated and of held-out examples, at least 1.
        every_n_epochs: interval in training epochs, at least 1.
        seed: seed of the latents, at least 0.
        use_ema: whether to decode by the average of the callback GeneratorEMA, as soon as it has
            one.

    Raises:
        ValueError: if a number is out of its range, there is no metric, a metric keeps real
            examples, or (when a run starts) if the data have no held-out examples or `use_ema` is
            set without a GeneratorEMA.
        TypeError: (when a run starts) if the model has no `prior` or `decode`.
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
            raise ValueError("`metrics` must name at least one metric, got none.")
        check_reset_clears_real(metrics)
        self._metrics = dict(metrics)
        self._num_samples = num_samples
        self._every_n_epochs = every_n_epochs
        self._seed = seed

    def check_surroundings(
        self, callbacks: Sequence[Callback], datamodule: LightningDataModule | None
    ) -> None:
        if datamodule is None or getattr(datamodule, "num_validation", None) == 0:
            raise ValueError(
                "ValidationDistances needs a data module with held-out examples, got "
                f"{type(datamodule).__name__} without any; remove `num_validation` or raise it."
            )
        super().check_surroundings(callbacks, datamodule)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if (trainer.current_epoch + 1) % self._every_n_epochs:
            return
        real, generated = self._held_out(trainer), self._samples(trainer, pl_module)
        values = compute_metrics(self._metrics, generated, real, pl_module.device, "val")
        pl_module.log_dict(values, rank_zero_only=True)

    def _held_out(self, trainer: Trainer) -> Tensor:
        """Returns this process's share of the first held-out examples."""
        num_examples, batches = num_local_examples(self._num_samples, trainer), []
        data: Any = trainer.datamodule
        for batch in data.val_dataloader():
            batches.append(batch[0])
            if sum(map(len, batches)) >= num_examples:
                break
        return torch.cat(batches)[:num_examples]

    def _samples(self, trainer: Trainer, module: LightningModule) -> Tensor:
        assert provides(module, LatentGenerator)  # checked in setup
        generator = generator_at(self._seed, 0)
        z = module.prior.sample(self._num_samples, generator=generator)
        share = z.tensor_split(trainer.world_size)[trainer.global_rank]
        with self.decoding(trainer, module):
            return decode(module, share)
