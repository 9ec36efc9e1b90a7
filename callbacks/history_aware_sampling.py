"""New samples of each epoch that complement all earlier ones."""

import math
from typing import Any, final

import torch
from lightning import LightningModule, Trainer
from torch import Tensor

from callbacks.base.checks import check_at_least
from callbacks.base.decoding import decode
from callbacks.base.generator_callback import AbstractGeneratorCallback
from callbacks.base.images import LoggedImage, are_images, grid, log_image
from hawc import HistoryAwareSampler, MemoryHistory
from hawc.distances import squared_distance_to
from hawc.kernels import HuberEnergy
from hawc.samplers.seeding import generator_at
from hawc.targets import AbstractTarget
from lightning_modules.interface import LatentGenerator, SamplerFactory, provides

__all__ = ["HistoryAwareSampling"]

_CAPTIONS = {
    "new": "new samples, chosen against all earlier ones",
    "all_samples": "samples so far",
    "independent": "independent samples",
}


@final
class HistoryAwareSampling(AbstractGeneratorCallback):
    """Samples latents that, with all those of earlier epochs, match the model's prior.

    After every `every_n_epochs`-th training epoch the sampler chooses `num_samples` latents against
    the history. The callback decodes them and writes images to <run folder>/images and to W&B under
    "samples/": `new` (this epoch's samples), `all_samples` (decoded again) and
    `independent` (as many i.i.d. samples as `new`).

    It logs sampling/squared_distance, the squared distance of all latents so far to the prior, and
    sampling/independent_squared_distance, its expectation for as many i.i.d. samples.

    The history is part of the checkpoint. The model is not modified: random numbers come from a
    generator of the callback, and all modes are restored, so weights do not depend on it. In
    distributed training the first process chooses and all processes record the choice.

    Args:
        num_samples: new samples each time, at least 1.
        sampler: builds the sampler from the prior, each time anew. Its history is replaced by the
            callback's.
        every_n_epochs: interval in training epochs, at least 1.
        max_shown: largest number of images in `all_samples`; the latest are shown.
        seed: at least 0; random numbers depend on it and on the length of the history.
        use_ema: whether images are decoded by the average that the callback GeneratorEMA keeps,
            once it exists; the latents are the same.

    Raises:
        ValueError: if a number is out of its range; when training starts, if `use_ema` is set
            without a GeneratorEMA, or the sampler does not suit the prior.
        TypeError: when training starts, if the model cannot be sampled.
    """

    def __init__(
        self,
        num_samples: int = 16,
        sampler: SamplerFactory = HistoryAwareSampler,
        every_n_epochs: int = 1,
        max_shown: int = 1024,
        seed: int = 0,
        use_ema: bool = False,
    ) -> None:
        super().__init__(use_ema)
        check_at_least(
            1, num_samples=num_samples, every_n_epochs=every_n_epochs, max_shown=max_shown
        )
        check_at_least(0, seed=seed)
        self._num_samples = num_samples
        self._sampler = sampler
        self._every_n_epochs = every_n_epochs
        self._max_shown = max_shown
        self._seed = seed
        self._history: MemoryHistory | None = None

    def check_model(self, module: LightningModule) -> None:
        super().check_model(module)
        assert provides(module, LatentGenerator)  # checked above
        # a sampler that refuses the prior, or records more than latents, fails before training
        self._sampler(module.prior).history = MemoryHistory(module.prior.dim)

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        super().setup(trainer, pl_module, stage)
        assert provides(pl_module, LatentGenerator)  # checked above
        if self._history is None:
            self._history = MemoryHistory(pl_module.prior.dim)

    def state_dict(self) -> dict[str, Any]:
        return {} if self._history is None else self._history.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._history = MemoryHistory(state_dict["points"].shape[1])
        self._history.load_state_dict(state_dict)

    def check_restored(self, module: LightningModule) -> None:
        assert provides(module, LatentGenerator)  # checked before
        if self._history is not None and self._history.dim != module.prior.dim:
            raise ValueError(
                f"the history of HistoryAwareSampling must have dimension {module.prior.dim}, got "
                f"{self._history.dim}; train the model of the checkpoint."
            )

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if (trainer.current_epoch + 1) % self._every_n_epochs:
            return
        assert provides(pl_module, LatentGenerator)  # checked in setup
        assert self._history is not None  # created in setup
        generator = generator_at(self._seed, len(self._history))
        target = pl_module.prior
        new, latents = self._sample(trainer, target, generator)
        if trainer.is_global_zero:
            pl_module.log_dict(_distances(target, latents), rank_zero_only=True)
            independent = target.sample(self._num_samples, generator=generator)
            shown = latents[-self._max_shown :]
            sets = {"new": new, "all_samples": shown, "independent": independent}
            with self.decoding(trainer, pl_module):
                for name, z in sets.items():
                    self._show(trainer, name, decode(pl_module, z))

    def _sample(
        self, trainer: Trainer, target: AbstractTarget, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Returns new latents and all so far; the first process chooses, all record."""
        assert self._history is not None  # created in setup
        length, chosen = len(self._history), None
        if trainer.is_global_zero:
            sampler = self._sampler(target)
            sampler.history = self._history
            chosen = sampler.sample(self._num_samples, generator=generator)
        chosen = trainer.strategy.broadcast(chosen)
        if not trainer.is_global_zero:
            self._history.append(chosen, expected_length=length)
        return chosen, self._history.points()

    def _show(self, trainer: Trainer, name: str, images: Tensor) -> None:
        """Shows one set as a grid; rows of a table are not shown."""
        if are_images(images):
            content = grid(images, math.ceil(math.sqrt(len(images))))
            caption = f"{len(images)} {_CAPTIONS[name]}"
            image = LoggedImage(f"samples/{name}", content, caption, name == "all_samples")
            log_image(trainer, image, trainer.current_epoch + 1)


def _distances(target: AbstractTarget, latents: Tensor) -> dict[str, float]:
    kernel = HuberEnergy()
    return {
        "sampling/squared_distance": float(squared_distance_to(kernel, latents.double(), target)),
        "sampling/independent_squared_distance": target.self_energy(kernel) / len(latents),
        "sampling/num_samples": float(len(latents)),
    }
