"""Whether generated images differ from each other as much as real ones do."""

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
    """Logs the diversity of generated images by that of real ones, and warns when it is lost.

    The diversity of n images is the mean Euclidean distance between two of them, over all pairs,
    of pixels (rows of a table: of features) or of what a network makes of them. After each training
    epoch health/diversity_ratio is the diversity of the images of the same n latents by that of
    the first n training examples: about 1 for a generator that follows the data, 0 if all its
    images are one.

    If it stays below `threshold` for `patience` epochs, one warning says so, once in a run, and
    names what to try. The default is half: k equally likely modes far from each other have 1 - 1/k
    of the diversity of very many, so a generator of one mode falls below it whatever the data, and
    one that keeps two or three hardly. For those `CoveredModes` counts where modes are known, and
    a network that was trained to tell classes apart sees more than pixels do. An untrained
    generator has a ratio near 0, too, hence the patience.

    The first process measures, unless it has a single training example. What was measured of the
    data and the count of epochs are part of the checkpoint.

    Args:
        num_examples: n, at least 2.
        threshold: of the ratio, > 0.
        patience: epochs in a row below the threshold before the warning, at least 1.
        features: network from images (n, c, h, w) in [0, 1], or rows, to features (n, ...), used
            as it is, in eval mode; pixels if None.
        seed: of the latents, at least 0.
        use_ema: whether images are those of the average that the callback GeneratorEMA keeps,
            once there is one.

    Raises:
        ValueError: if a number is out of its range, or (when a run starts) if `use_ema` is set
            without a GeneratorEMA.
        TypeError: (when a run starts) if the model cannot be sampled.
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
        self._state = dict(state_dict)

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        if trainer.is_global_zero and not self._state["real_diversity"]:
            self._examples.add(batch)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.is_global_zero:
            return
        if len(self._examples) > 1 and not self._state["real_diversity"]:
            self._state["real_diversity"] = self._diversity(
                pl_module, self._examples.items().images
            )
        self._examples = FirstExamples(self._num_examples, "training")
        if self._state["real_diversity"]:
            assert provides(pl_module, LatentGenerator)  # setup has seen to it
            generator = torch.Generator().manual_seed(self._seed)
            z = pl_module.prior.sample(self._num_examples, generator=generator)
            with self.decoding(trainer, pl_module):
                made = decode(pl_module, z)
            ratio = self._diversity(pl_module, made) / self._state["real_diversity"]
            pl_module.log("health/diversity_ratio", ratio, rank_zero_only=True)
            self._judge(ratio, trainer.current_epoch + 1)

    def _diversity(self, module: LightningModule, images: Tensor) -> float:
        if self._features is None:
            return diversity(images.float().flatten(1))
        network = self._features.to(module.device)
        with evaluating(network):
            return diversity(network(images.float().to(module.device)).float().flatten(1).cpu())

    def _judge(self, ratio: float, epoch: int) -> None:
        is_low = not ratio >= self._threshold  # NaN is low
        self._state["low_epochs"] = self._state["low_epochs"] + 1 if is_low else 0
        if self._state["low_epochs"] >= self._patience and not self._state["warned"]:
            self._state["warned"] = 1
            rank_zero_warn(
                f"mode collapse? In epoch {epoch} generated images differ from each other by "
                f"{ratio:.2f} of what real ones do, in {self._patience} epochs in a row below "
                f"{self._threshold}. Try a gradient penalty (WGAN-GP) or another loss, more critic "
                "steps (`n_critic`), a lower learning rate of the generator, or a pulling-away "
                "term (EBGAN). HistoryAwareSampling spreads latents and does not cure it."
            )


def diversity(rows: Float[Tensor, "n d"]) -> float:
    """Returns the mean Euclidean distance between two of n rows, over all pairs, n at least 2."""
    return float(torch.pdist(rows.double()).mean())
