"""Each epoch, new samples that complement all earlier ones, beside independent ones."""

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
from lightning_modules.interface import LatentGenerator, provides

__all__ = ["HistoryAwareSampling"]

_CAPTIONS = {
    "new": "new samples, chosen against all earlier ones",
    "gallery": "samples of the gallery so far",
    "independent": "independent samples",
}


@final
class HistoryAwareSampling(AbstractGeneratorCallback):
    """Chooses latents that, with all those of earlier epochs, match the model's prior.

    After every `every_n_epochs`-th training epoch it chooses `num_samples` latents against the
    history (HAW-C, ``hawc.compression``), decodes them, and writes to <run folder>/images and to
    W&B, under "samples/": `new` (this epoch's), `gallery` (all drawn so far, decoded anew) and
    `independent` (as many i.i.d. samples as `new`). It logs sampling/squared_distance, of all
    latents so far to the distribution, and sampling/independent_squared_distance, the expected
    value for as many i.i.d. samples.

    The history is part of the checkpoint. The model is read, never changed: random numbers come
    from an own generator and modes are put back, so weights do not depend on this callback. Under
    several processes the first one chooses and tells the others.

    Args:
        num_samples: new samples each time, at least 1.
        every_n_epochs: interval in training epochs, at least 1.
        window: how many of the latest latents the choice considers; all if None (the distribution
            does not change while the decoder learns).
        max_shown: the largest number of images in `gallery`; of more the latest are shown.
        seed: of the own generator, together with the number of samples drawn so far; at least 0.
        use_ema: whether the average that the callback GeneratorEMA keeps decodes, once there is
            one; the latents are the same.

    Raises:
        ValueError: if a number is out of its range, or (when training starts) if `use_ema` is set
            without a GeneratorEMA.
        TypeError: (when training starts) if the model cannot be sampled.
    """

    def __init__(
        self,
        num_samples: int = 16,
        every_n_epochs: int = 1,
        window: int | None = None,
        max_shown: int = 1024,
        seed: int = 0,
        use_ema: bool = False,
    ) -> None:
        super().__init__(use_ema)
        check_at_least(
            1, num_samples=num_samples, every_n_epochs=every_n_epochs, max_shown=max_shown
        )
        check_at_least(0, seed=seed)
        if window is not None and window < 0:
            raise ValueError(f"`window` must be at least 0 or null for all, got {window}.")
        self._num_samples = num_samples
        self._every_n_epochs = every_n_epochs
        self._window = window
        self._max_shown = max_shown
        self._seed = seed
        self._history: MemoryHistory | None = None

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        super().setup(trainer, pl_module, stage)
        assert provides(pl_module, LatentGenerator)  # just checked
        if self._history is None:
            self._history = MemoryHistory(pl_module.prior.dim)

    def state_dict(self) -> dict[str, Any]:
        return {} if self._history is None else self._history.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._history = MemoryHistory(state_dict["points"].shape[1])
        self._history.load_state_dict(state_dict)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if (trainer.current_epoch + 1) % self._every_n_epochs:
            return
        assert provides(pl_module, LatentGenerator)  # setup has seen to it
        assert self._history is not None  # setup has seen to it
        generator = generator_at(self._seed, len(self._history))
        target = pl_module.prior
        new, latents = self._choose(trainer, target, generator)
        if trainer.is_global_zero:
            pl_module.log_dict(_distances(target, latents), rank_zero_only=True)
            independent = target.sample(self._num_samples, generator=generator)
            shown = latents[-self._max_shown :]
            with self.decoding(trainer, pl_module):
                for name, z in {"new": new, "gallery": shown, "independent": independent}.items():
                    self._show(trainer, name, decode(pl_module, z))

    def _choose(
        self, trainer: Trainer, target: AbstractTarget, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Returns new latents, chosen by the first process and recorded by all, and all so far."""
        assert self._history is not None  # setup has seen to it
        length, chosen = len(self._history), None
        if trainer.is_global_zero:
            sampler = HistoryAwareSampler(target, history=self._history, window=self._window)
            chosen = sampler.sample(self._num_samples, generator=generator)
        chosen = trainer.strategy.broadcast(chosen)
        if not trainer.is_global_zero:
            self._history.append(chosen, expected_length=length)
        return chosen, self._history.points()

    def _show(self, trainer: Trainer, name: str, images: Tensor) -> None:
        """Shows one set as a grid; table rows are no images and not shown."""
        if are_images(images):
            content = grid(images, math.ceil(math.sqrt(len(images))))
            caption = f"{len(images)} {_CAPTIONS[name]}"
            image = LoggedImage(f"samples/{name}", content, caption, name == "gallery")
            log_image(trainer, image, trainer.current_epoch + 1)


def _distances(target: AbstractTarget, latents: Tensor) -> dict[str, float]:
    kernel = HuberEnergy()
    return {
        "sampling/squared_distance": float(squared_distance_to(kernel, latents.double(), target)),
        "sampling/independent_squared_distance": target.self_energy(kernel) / len(latents),
        "sampling/num_samples": float(len(latents)),
    }
