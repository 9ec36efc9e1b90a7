"""Distances between an autoencoder's latents and its prior."""

import math
from typing import Any, final

import torch
from jaxtyping import Float
from lightning import LightningModule, Trainer
from torch import Tensor

from callbacks.base.checks import check_at_least
from callbacks.base.decoding import evaluating, fixed_noise
from callbacks.base.model_callback import AbstractModelCallback
from hawc.distances import squared_distance_to
from hawc.kernels import HuberEnergy
from hawc.samplers.seeding import derived_seed
from hawc.targets import AbstractTarget
from lightning_modules.interface import Autoencoder

__all__ = ["LatentStatistics"]

_ACTIVE_VARIANCE = 0.01  # Burda et al. 2015, section 5.2


@final
class LatentStatistics(AbstractModelCallback):
    """Logs after validations and tests how well the latents follow the model's prior.

    The latents z_i are those of `sample_latents`, as the decoder receives them in training. They
    are computed for n examples, at most `max_examples`, taken evenly from all batches. The first
    examples alone may be biased: the two halves of MNIST's test digits come from different groups
    of writers, and the distances of their latents differ. For <stage> "val" and "test" the callback
    logs

    - <stage>/latent_squared_distance: exact squared distance of the z_i to the prior, in the Huber
      energy (``hawc.distances.squared_distance_to``, float64);
    - <stage>/latent_independent_squared_distance: its expected value for n i.i.d. samples of the
      prior, E|Z - Z'| / (2n);
    - <stage>/latent_squared_distance_ratio: the first divided by the second, 1 for latents like
      i.i.d. samples;
    - <stage>/active_units: number of coordinates of `encode` whose variance over the examples is
      above 0.01;
    - <stage>/latent_std_mean, latent_std_min, latent_std_max: mean, minimum and maximum of the
      standard deviations of the coordinates of z_i;
    - <stage>/num_latents: n.

    The noise of `sample_latents` has its own seed and is the same each time. Several processes
    gather their latents and log the same numbers.

    Args:
        max_examples: the largest n, at least 1. Time and memory grow like n^2.
        seed: seed of the noise, at least 0.

    Raises:
        ValueError: if a number is out of its range.
        TypeError: (when a run starts) if the model is not an autoencoder.

    Source: active units: Burda, Grosse and Salakhutdinov 2015, arXiv 1509.00519, section 5.2.
    """

    def __init__(self, max_examples: int = 2000, seed: int = 0) -> None:
        check_at_least(1, max_examples=max_examples)
        check_at_least(0, seed=seed)
        self._max_examples = max_examples
        self._seed = seed
        self._reset()

    @property
    def model_protocol(self) -> type:
        return Autoencoder

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._reset()

    def on_test_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._reset()

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        if not trainer.sanity_checking:
            due = self._due(trainer.world_size, sum(trainer.num_val_batches))
            self._collect(pl_module, batch[0][:due], (dataloader_idx, batch_idx))

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        due = self._due(trainer.world_size, sum(trainer.num_test_batches))
        self._collect(pl_module, batch[0][:due], (dataloader_idx, batch_idx))

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._log("val", trainer, pl_module)

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._log("test", trainer, pl_module)

    def _reset(self) -> None:
        self._sampled: list[Tensor] = []
        self._encoded: list[Tensor] = []
        self._num_batches = 0

    def _due(self, world_size: int, num_batches: float) -> int:
        """Returns how many examples of this batch its process needs for its share so far."""
        self._num_batches += 1
        share = -(-self._max_examples // world_size)
        passed = self._num_batches / num_batches if math.isfinite(num_batches) else 1.0
        return max(0, math.ceil(share * passed) - sum(map(len, self._sampled)))

    def _collect(self, module: LightningModule, images: Tensor, place: tuple[int, int]) -> None:
        """Keeps the latents of some examples, with noise that depends on their place."""
        if len(images) == 0:
            return
        seed = derived_seed(self._seed, module.global_rank, *place)
        with evaluating(module):
            self._encoded.append(module.encode(images).cpu().double())
            with fixed_noise(seed):
                self._sampled.append(module.sample_latents(images).cpu().double())

    def _log(self, stage: str, trainer: Trainer, module: LightningModule) -> None:
        sampled = self._gather(trainer, self._sampled)
        encoded = self._gather(trainer, self._encoded)
        self._reset()
        if len(sampled):
            statistics = latent_statistics(sampled, encoded, module.prior)
            named = {f"{stage}/{name}": value for name, value in statistics.items()}
            module.log_dict(named, sync_dist=True)

    def _gather(self, trainer: Trainer, latents: list[Tensor]) -> Tensor:
        """Returns the latents of all processes, at most `max_examples` of them."""
        local = torch.cat(latents) if latents else torch.empty(0)
        shares = [trainer.strategy.broadcast(local, src=rank) for rank in range(trainer.world_size)]
        filled = [share for share in shares if len(share)]
        return torch.cat(filled)[: self._max_examples] if filled else local


def latent_statistics(
    sampled: Float[Tensor, "n d"], encoded: Float[Tensor, "n d"], prior: AbstractTarget
) -> dict[str, float]:
    """Returns the numbers that `LatentStatistics` logs, without the stage.

    Args:
        sampled: latents of `sample_latents`, which should follow the prior.
        encoded: latents of `encode` for the same examples.
        prior: the prior of the model.
    """
    kernel = HuberEnergy()
    distance = float(squared_distance_to(kernel, sampled.double(), prior))
    independent = prior.self_energy(kernel) / len(sampled)
    deviations = sampled.std(0, correction=0)
    return {
        "latent_squared_distance": distance,
        "latent_independent_squared_distance": independent,
        "latent_squared_distance_ratio": distance / independent,
        "active_units": float((encoded.var(0, correction=0) > _ACTIVE_VARIANCE).sum()),
        "latent_std_mean": float(deviations.mean()),
        "latent_std_min": float(deviations.min()),
        "latent_std_max": float(deviations.max()),
        "num_latents": float(len(sampled)),
    }
