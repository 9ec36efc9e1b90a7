"""How far an autoencoder's latents are from the distribution that will be sampled, in numbers."""

import math
from typing import Any, final

import numpy as np
import torch
from jaxtyping import Float
from lightning import LightningModule, Trainer
from torch import Tensor

from callbacks.base.checks import check_at_least
from callbacks.base.decoding import evaluating, fixed_noise
from callbacks.base.model_callback import AbstractModelCallback
from hawc.distances import squared_distance_to
from hawc.kernels import HuberEnergy
from hawc.targets import AbstractTarget
from lightning_modules.interface import Autoencoder

__all__ = ["LatentStatistics"]

_ACTIVE_VARIANCE = 0.01  # Burda et al. 2015, section 5.2


@final
class LatentStatistics(AbstractModelCallback):
    """Logs, after each validation and test, how well the latents follow the model's prior.

    Codes z_i are those the decoder meets in training (`sample_latents`), of n examples, n at most
    `max_examples`, taken evenly from all batches: the beginning of a data set may be unlike the
    rest (the first half of MNIST's test digits was written by other people than the second, and
    their latents are as unlike). For <stage> "val" and "test" it logs

    - <stage>/latent_squared_distance: of the z_i to the distribution, exact, in the Huber energy
      (``hawc.distances.squared_distance_to``, float64);
    - <stage>/latent_independent_squared_distance: what n i.i.d. samples of the distribution have on
      average, E|Z - Z'| / (2n);
    - <stage>/latent_distance_ratio: the first by the second, 1 for latents like i.i.d. samples;
    - <stage>/active_units: latent coordinates whose best latent (`encode`) varies over the examples
      by more than 0.01, as variance;
    - <stage>/code_std_mean, code_std_min, code_std_max: of the standard deviations of the z_i's
      coordinates;
    - <stage>/num_codes: n.

    Noise of `sample_latents` comes from an own seed, the same each time. Under several processes
    the latents of all are put together, and all log the same.

    Args:
        max_examples: the largest n, at least 1. Time and memory grow like n^2.
        seed: of the noise, at least 0.

    Raises:
        ValueError: if a number is out of its range.
        TypeError: (when a run starts) if the model is no autoencoder.

    Source: for active units Burda, Grosse and Salakhutdinov 2015, arXiv 1509.00519, section 5.2.
    """

    def __init__(self, max_examples: int = 2000, seed: int = 0) -> None:
        check_at_least(1, max_examples=max_examples)
        check_at_least(0, seed=seed)
        self._max_examples = max_examples
        self._seed = seed
        self._forget()

    @property
    def needs(self) -> type:
        return Autoencoder

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._forget()

    def on_test_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._forget()

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

    def _forget(self) -> None:
        self._drawn: list[Tensor] = []
        self._best: list[Tensor] = []
        self._num_batches = 0

    def _due(self, world_size: int, num_batches: float) -> int:
        """Returns how many examples of this batch bring its process to its share of them so far."""
        self._num_batches += 1
        share = -(-self._max_examples // world_size)
        passed = self._num_batches / num_batches if math.isfinite(num_batches) else 1.0
        return max(0, math.ceil(share * passed) - sum(map(len, self._drawn)))

    def _collect(self, module: LightningModule, images: Tensor, place: tuple[int, int]) -> None:
        """Keeps the latents of these examples."""
        if len(images) == 0:
            return
        key = np.random.SeedSequence((self._seed, module.global_rank, *place))
        seed = int(key.generate_state(1, np.uint64)[0])
        with evaluating(module):
            self._best.append(module.encode(images).cpu().double())
            with fixed_noise(seed):
                self._drawn.append(module.sample_latents(images).cpu().double())

    def _log(self, stage: str, trainer: Trainer, module: LightningModule) -> None:
        drawn, best = self._gathered(trainer, self._drawn), self._gathered(trainer, self._best)
        self._forget()
        if len(drawn):
            statistics = latent_statistics(drawn, best, module.prior)
            named = {f"{stage}/{name}": value for name, value in statistics.items()}
            module.log_dict(named, sync_dist=True)

    def _gathered(self, trainer: Trainer, latents: list[Tensor]) -> Tensor:
        """Returns the latents of all processes, at most `max_examples` of them."""
        own = torch.cat(latents) if latents else torch.empty(0)
        shares = [trainer.strategy.broadcast(own, src=rank) for rank in range(trainer.world_size)]
        filled = [share for share in shares if len(share)]
        return torch.cat(filled)[: self._max_examples] if filled else own


def latent_statistics(
    drawn: Float[Tensor, "n d"], best: Float[Tensor, "n d"], target: AbstractTarget
) -> dict[str, float]:
    """Returns what `LatentStatistics` logs, without the stage.

    Args:
        drawn: latents that should follow the distribution.
        best: each example's best latent.
        target: the distribution.
    """
    kernel = HuberEnergy()
    distance = float(squared_distance_to(kernel, drawn.double(), target))
    independent = target.self_energy(kernel) / len(drawn)
    deviations = drawn.std(0, correction=0)
    return {
        "latent_squared_distance": distance,
        "latent_independent_squared_distance": independent,
        "latent_distance_ratio": distance / independent,
        "active_units": float((best.var(0, correction=0) > _ACTIVE_VARIANCE).sum()),
        "code_std_mean": float(deviations.mean()),
        "code_std_min": float(deviations.min()),
        "code_std_max": float(deviations.max()),
        "num_codes": float(len(drawn)),
    }
