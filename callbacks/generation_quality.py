"""Metrics of generated images, for independent latents and for those of a sampler."""

import re
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
from lightning_modules.interface import LatentGenerator, SamplerFactory, provides

__all__ = ["GenerationQuality"]


@final
class GenerationQuality(AbstractGeneratorCallback):
    """Logs metrics of generated images, for independent latents and for a sampler's.

    After every `every_n_epochs`-th training epoch the callback decodes `num_samples` latents of
    each kind, the same each time. It compares the images with the first `num_real` training
    examples. A metric named m is logged as quality/independent/m and quality/<sampler>/m, where
    <sampler> is history_aware for HistoryAwareSampler. A metric of several parts is logged as
    .../m/<part>.

    Metrics of sets of different sizes cannot be compared, and most change with the size: keep both
    numbers fixed within a study.

    W&B gets a table "samples/table" of `table_size` samples of the sampler: latent, image, nearest
    training example and novelty, the distance to it. <run folder>/images gets the same images above
    their nearest training examples, as epoch-NNNN-nearest.png.

    In distributed training each process decodes its share of the latents, and the metrics combine
    the shares. The table shows the share of the first process.

    Args:
        metrics: by name: torchmetrics with `update(images, real)`, such as those of ``metrics``.
            Their `reset` must also forget real images, which are given again each time.
        num_samples: latents of each kind, at least 1.
        num_real: training examples to compare with, at least 1; fewer if there are fewer.
        sampler: builds the sampler from the prior; with an IndependentSampler there is one kind.
        every_n_epochs: interval in training epochs, at least 1.
        table_size: rows of the table, from 0 (no table) to `num_samples`.
        features: maps images, or rows of a table, to the features in which nearest examples are
            searched; pixels if None.
        seed: of the latents, at least 0.
        use_ema: whether images are decoded by the average that the callback GeneratorEMA keeps,
            once it exists.

    Raises:
        ValueError: if a number is out of its range, there is neither a metric nor a table, or a
            metric keeps real images; when a run starts, if `use_ema` is set without a
            GeneratorEMA, or the sampler does not suit the prior.
        TypeError: when a run starts, if the model cannot be sampled.
    """

    def __init__(
        self,
        metrics: Mapping[str, Metric],
        num_samples: int = 500,
        num_real: int = 2000,
        sampler: SamplerFactory = HistoryAwareSampler,
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
                "`metrics` must name at least one metric where `table_size` is 0, got none."
            )
        check_reset_clears_real(metrics)
        self._metrics = dict(metrics)
        self._num_samples = num_samples
        self._num_real = num_real
        self._sampler = sampler
        self._every_n_epochs = every_n_epochs
        self._table_size = table_size
        self._features = features
        self._seed = seed
        self._real = FirstExamples(num_real, "training")
        self._latents: dict[str, Tensor] = {}
        self._prior = ""

    def check_model(self, module: LightningModule) -> None:
        super().check_model(module)
        assert provides(module, LatentGenerator)  # checked above
        self._sampler(module.prior)  # it may refuse the prior

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._real = FirstExamples(num_local_examples(self._num_real, trainer), "training")

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        self._real.add(batch)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._real.end_pass()
        if (trainer.current_epoch + 1) % self._every_n_epochs or not len(self._real):
            return  # without examples: a run resumed at the end of an epoch
        shares = self._shares(trainer, pl_module)
        with self.decoding(trainer, pl_module):
            images = {name: decode(pl_module, latents) for name, latents in shares.items()}
        real = self._real.examples().images
        for name, generated in images.items():
            values = compute_metrics(
                self._metrics, generated, real, pl_module.device, f"quality/{name}"
            )
            pl_module.log_dict(values, rank_zero_only=True)
        if trainer.is_global_zero and self._table_size:
            *_, sampler = shares
            latents, generated = (d[sampler][: self._table_size] for d in (shares, images))
            log_nearest_examples(
                trainer, latents, generated, real, self._features, pl_module.device
            )

    def _shares(self, trainer: Trainer, module: LightningModule) -> dict[str, Tensor]:
        """Returns this process's latents of each kind, as the first process chose them."""
        chosen = self._latents_of(module) if trainer.is_global_zero else {}
        chosen = trainer.strategy.broadcast(chosen)  # other hardware may round to another choice
        # consecutive, so that metrics of a sequence see the order of a single process
        return {
            name: z.tensor_split(trainer.world_size)[trainer.global_rank]
            for name, z in chosen.items()
        }

    def _latents_of(self, module: LightningModule) -> dict[str, Tensor]:
        """Returns independent latents and the sampler's; new ones only for another prior."""
        assert provides(module, LatentGenerator)  # checked in setup
        prior = module.prior
        if self._prior != repr(prior):
            samplers = (IndependentSampler(prior), self._sampler(prior))
            self._latents = {
                _name(sampler): sampler.sample(
                    self._num_samples, generator=generator_at(self._seed, 0)
                )
                for sampler in samplers
            }
            self._prior = repr(prior)
        return self._latents


def _name(sampler: object) -> str:
    """Returns history_aware for a HistoryAwareSampler."""
    words = type(sampler).__name__.removesuffix("Sampler") or "sampler"
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", words).lower()
