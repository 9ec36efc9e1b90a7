"""Diversity of generated images relative to real ones."""

from typing import Any, final

import torch
from jaxtyping import Float
from lightning import LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor, nn

from callbacks.base.checks import check_at_least
from callbacks.base.decoding import decode, evaluating
from callbacks.base.first_examples import FirstExamples
from callbacks.base.generator_callback import AbstractGeneratorCallback
from lightning_modules.interface import LatentGenerator, provides

__all__ = ["ModeCollapse", "diversity"]


@final
class ModeCollapse(AbstractGeneratorCallback):
    """Logs the diversity of generated images relative to real ones; warns if low.

    The diversity of n images is the mean Euclidean distance over all pairs, in pixels or in the
    features of a network. For table rows it is taken in their features. After each training epoch
    the callback logs

        health/diversity_ratio = diversity of n generated images / diversity of n training images,

    for the same latents and the first training examples. It is about 1 for a generator that follows
    the data, and 0 if all its images are equal.

    If the ratio stays below `threshold` for `patience` epochs, the callback warns once in a run and
    names remedies. k equally likely, distant modes have 1 - 1/k of the diversity of very many. So a
    generator of one mode falls below the default threshold 0.5 for any data, but one of two or
    three modes rarely does. To detect these use `CoveredModes` if the modes are known, or a
    classifier as `features`. The patience is for untrained generators, whose ratio is near 0 too.

    The first process computes. It needs at least two training examples. The diversity of the data
    and the count of epochs are part of the checkpoint.

    Args:
        num_examples: n, at least 2.
        threshold: threshold of the ratio, > 0.
        patience: consecutive epochs below the threshold before the warning, at least 1.
        features: network from images (n, c, h, w) in [0, 1], or rows, to features (n, ...), used
            frozen and in eval mode; None for pixels.
        seed: seed of the latents, at least 0.
        use_ema: whether to decode by the average of the callback GeneratorEMA, as soon as it has
            one.

    Raises:
        ValueError: if a number is out of its range, or (when a run starts) if `use_ema` is set
            without a GeneratorEMA.
        TypeError: (when a run starts) if the model has no `prior` or `decode`.
    """

    def __init__(
        self,
        num_examples: int = 100,
        threshold: float = 0.5,
        patience: int = 3,
        features: nn.Module | None = None,
        seed: int = 0,
        use_ema: bool = False,
    ) -> None:
        super().__init__(use_ema)
        check_at_least(2, num_examples=num_examples)
        check_at_least(1, patience=patience)
        check_at_least(0, seed=seed)
        if not threshold > 0:
            raise ValueError(f"`threshold` must be > 0, got {threshold}.")
        self._num_examples = num_examples
        self._threshold = threshold
        self._patience = patience
        self._features = features
        self._seed = seed
        self._examples = FirstExamples(num_examples, "training")
        self._state: dict[str, float] = {"real_diversity": 0.0, "low_epochs": 0, "warned": 0}

    def state_dict(self) -> dict[str, Any]:
        return dict(self._state)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        state = {name: state_dict[name] for name in self._state}
        if not all(isinstance(value, int | float) for value in state.values()):
            raise TypeError("the state of ModeCollapse must hold numbers alone; name another file.")
        self._state = state

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        if trainer.is_global_zero and not self._state["real_diversity"]:
            self._examples.add(batch)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.is_global_zero:
            return
        if len(self._examples) > 1 and not self._state["real_diversity"]:
            images = self._examples.examples().images
            self._state["real_diversity"] = self._diversity(pl_module, images)
        self._examples = FirstExamples(self._num_examples, "training")
        if self._state["real_diversity"]:
            assert provides(pl_module, LatentGenerator)  # checked in setup
            generator = torch.Generator().manual_seed(self._seed)
            z = pl_module.prior.sample(self._num_examples, generator=generator)
            with self.decoding(trainer, pl_module):
                generated = decode(pl_module, z)
            ratio = self._diversity(pl_module, generated) / self._state["real_diversity"]
            pl_module.log("health/diversity_ratio", ratio, rank_zero_only=True)
            self._warn_if_collapsed(ratio, trainer.current_epoch + 1)

    def _diversity(self, module: LightningModule, images: Tensor) -> float:
        if self._features is None:
            return diversity(images.float().flatten(1))
        network = self._features.to(module.device)
        with evaluating(network):
            return diversity(network(images.float().to(module.device)).float().flatten(1).cpu())

    def _warn_if_collapsed(self, ratio: float, epoch: int) -> None:
        is_low = not ratio >= self._threshold  # true for NaN
        self._state["low_epochs"] = self._state["low_epochs"] + 1 if is_low else 0
        if self._state["low_epochs"] >= self._patience and not self._state["warned"]:
            self._state["warned"] = 1
            rank_zero_warn(
                f"mode collapse? The diversity ratio of generated images is {ratio:.2f} in epoch "
                f"{epoch}, and has been below {self._threshold} for {self._patience} epochs. Try a "
                "gradient penalty (WGAN-GP) or another loss, more critic steps (`n_critic`), a "
                "lower learning rate of the generator, or a pulling-away term (EBGAN); "
                "HistoryAwareSampling does not help."
            )


def diversity(rows: Float[Tensor, "n d"]) -> float:
    """Returns the mean Euclidean distance over all pairs of n rows, n at least 2."""
    return float(torch.pdist(rows.double()).mean())
