"""What measures of images say of independent and of history-aware samples, side by side."""

from collections.abc import Mapping
from typing import Any, final

from lightning import LightningModule, Trainer
from torch import Tensor, nn
from torchmetrics import Metric

from callbacks.base.checks import check_at_least
from callbacks.base.decoding import decode
from callbacks.base.first_examples import FirstExamples
from callbacks.base.generator_callback import AbstractGeneratorCallback
from callbacks.base.metric_values import (
    check_reset_clears_real,
    compute_metrics,
    num_local_examples,
)
from callbacks.base.nearest_examples import log_nearest_examples
from hawc import HistoryAwareSampler, IndependentSampler
from hawc.samplers.seeding import generator_at
from lightning_modules.interface import LatentGenerator, provides

__all__ = ["GenerationQuality"]

_KINDS = ("independent", "history_aware")


@final
class GenerationQuality(AbstractGeneratorCallback):
    """Logs measures of generated images, once of independent latents and once of HAW-C's.

    After every `every_n_epochs`-th training epoch `num_samples` latents of either kind, the same
    ones each time, are decoded and compared with the first `num_real` training examples: what the
    measure called m gives is logged as quality/independent/m and quality/history_aware/m, its parts
    as .../m/part if there are several. Measures of sets of different sizes cannot be compared, and
    most change with the size: leave both numbers alone within a study.

    A table goes to W&B as "samples/table", with latent, image, nearest training example and
    novelty, the distance to that, of `table_size` history-aware samples; <run folder>/images gets
    them as epoch-NNNN-nearest.png, samples above the training examples they are nearest to.

    Under several processes each decodes and measures its share; the measures put them together. The
    table shows the first process's share alone.

    Args:
        metrics: by name: torchmetrics with `update(images, real)`, as those of ``metrics`` have;
            their `reset` must forget real images too, which are given anew each time.
        num_samples: of either kind, at least 1.
        num_real: training examples to compare with, at least 1; fewer if there are fewer.
        every_n_epochs: interval in training epochs, at least 1.
        table_size: rows of the table, from 0 for none to `num_samples`.
        features: of images or rows, in which nearest examples are sought; pixels if None.
        seed: of the latents, at least 0.
        use_ema: whether the average that the callback GeneratorEMA keeps decodes, once there is
            one.

    Raises:
        ValueError: if a number is out of its range, there is neither a measure nor a table, a
            measure keeps real images, or (when a run starts) if `use_ema` is set without a
            GeneratorEMA.
        TypeError: (when a run starts) if the model cannot be sampled.
    """

    def __init__(
        self,
        metrics: Mapping[str, Metric],
        num_samples: int = 500,
        num_real: int = 2000,
        every_n_epochs: int = 1,
        table_size: int = 16,
        features: nn.Module | None = None,
        seed: int = 0,
        use_ema: bool = False,
    ) -> None:
        super().__init__(use_ema)
        check_at_least(1, num_samples=num_samples, num_real=num_real, every_n_epochs=every_n_epochs)
        check_at_least(0, seed=seed, table_size=table_size)
        if table_size > num_samples:
            raise ValueError(
                f"`table_size` must be at most `num_samples`, {num_samples}, got {table_size}."
            )
        if not metrics and table_size == 0:
            raise ValueError(
                "`metrics` must name at least one measure where `table_size` is 0, got none."
            )
        check_reset_clears_real(metrics)
        self._metrics = dict(metrics)
        self._num_samples = num_samples
        self._num_real = num_real
        self._every_n_epochs = every_n_epochs
        self._table_size = table_size
        self._features = features
        self._seed = seed
        self._real = FirstExamples(num_real, "training")
        self._latents: dict[str, Tensor] = {}
        self._target = ""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._real = FirstExamples(num_local_examples(self._num_real, trainer), "training")

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        self._real.add(batch)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._real.end_pass()
        if (trainer.current_epoch + 1) % self._every_n_epochs or not len(self._real):
            return  # a run that goes on from the end of an epoch has seen no example of it
        shares = self._shares(trainer, pl_module)
        with self.decoding(trainer, pl_module):
            images = {kind: decode(pl_module, latents) for kind, latents in shares.items()}
        real = self._real.examples().images
        for kind, made in images.items():
            values = compute_metrics(self._metrics, made, real, pl_module.device, f"quality/{kind}")
            pl_module.log_dict(values, rank_zero_only=True)
        if trainer.is_global_zero and self._table_size:
            rows = slice(self._table_size)
            latents, made = shares["history_aware"][rows], images["history_aware"][rows]
            log_nearest_examples(trainer, latents, made, real, self._features, pl_module.device)

    def _shares(self, trainer: Trainer, module: LightningModule) -> dict[str, Tensor]:
        """Returns this process's latents of either kind, as the first process has chosen them."""
        chosen = self._latents_of(module) if trainer.is_global_zero else {}
        chosen = trainer.strategy.broadcast(chosen)  # other hardware may round to another choice
        # in a row, so that measures of a sequence get it in the order of one process
        return {
            kind: z.tensor_split(trainer.world_size)[trainer.global_rank]
            for kind, z in chosen.items()
        }

    def _latents_of(self, module: LightningModule) -> dict[str, Tensor]:
        """Returns the latents of either kind, chosen anew where the model's distribution has
        changed.
        """
        assert provides(module, LatentGenerator)  # setup has seen to it
        distribution = module.prior
        if self._target != repr(distribution):
            samplers = zip(
                _KINDS,
                (IndependentSampler(distribution), HistoryAwareSampler(distribution)),
                strict=True,
            )
            self._latents = {
                kind: sampler.sample(self._num_samples, generator=generator_at(self._seed, 0))
                for kind, sampler in samplers
            }
            self._target = repr(distribution)
        return self._latents
