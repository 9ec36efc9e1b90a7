"""Each epoch, new samples that complement all earlier ones, beside independent ones."""

import math
from pathlib import Path
from typing import Any, final

import torch
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import WandbLogger
from torch import Tensor
from torchvision.utils import make_grid, save_image

from hawc import (
    AbstractTarget,
    HistoryAwareSampler,
    HuberEnergy,
    MemoryHistory,
    squared_distance_to,
)
from hawc.samplers.seeding import generator_at
from lightning_modules.interface import LatentGenerator

__all__ = ["HistoryAwareSampling"]

_DECODED_AT_ONCE = 256
_CAPTIONS = {
    "new": "new samples, chosen against all earlier ones",
    "gallery": "samples of the gallery so far",
    "independent": "independent samples",
}


@final
class HistoryAwareSampling(Callback):
    """Chooses latents that, with all those of earlier epochs, match the model's latent law.

    After every `every_n_epochs`-th training epoch it chooses `num_samples` latents against the
    history (HAW-C, ``hawc.compression``), decodes them, and writes to <run folder>/pictures and to
    W&B, under "samples/": `new` (this epoch's), `gallery` (all drawn so far, decoded anew) and
    `independent` (as many i.i.d. draws as `new`). It logs sampling/squared_distance, of all latents
    so far to the law, and sampling/independent_squared_distance, the expected value for as many
    i.i.d. draws.

    The history is part of the checkpoint. The model is read, never changed: random numbers come
    from an own generator and modes are put back, so weights do not depend on this callback. Under
    several processes the first one chooses and tells the others.

    Args:
        num_samples: new samples each time, at least 1.
        every_n_epochs: interval in training epochs, at least 1.
        window: how many of the latest latents the choice considers; all if None (the law does not
            change while the decoder learns).
        gallery_size: the largest number of pictures in `gallery`; of more the latest are shown.
        seed: of the own generator, together with the number of samples drawn so far; at least 0.

    Raises:
        ValueError: if a number is out of its range.
        TypeError: (when training starts) if the model cannot be sampled.
    """

    def __init__(
        self,
        num_samples: int = 16,
        every_n_epochs: int = 1,
        window: int | None = None,
        gallery_size: int = 1024,
        seed: int = 0,
    ) -> None:
        for name, value in (
            ("num_samples", num_samples),
            ("every_n_epochs", every_n_epochs),
            ("gallery_size", gallery_size),
        ):
            if value < 1:
                raise ValueError(f"`{name}` must be at least 1, got {value}.")
        if seed < 0:
            raise ValueError(f"`seed` must be at least 0, got {seed}.")
        if window is not None and window < 0:
            raise ValueError(f"`window` must be at least 0 or null for all, got {window}.")
        self._num_samples = num_samples
        self._every_n_epochs = every_n_epochs
        self._window = window
        self._gallery_size = gallery_size
        self._seed = seed
        self._history: MemoryHistory | None = None

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        if not isinstance(pl_module, LatentGenerator):
            raise TypeError(
                "HistoryAwareSampling needs a model with `latent_target` and `decode`, got "
                f"{type(pl_module).__name__}; remove the callback or add them to the model."
            )
        if self._history is None:
            self._history = MemoryHistory(pl_module.latent_target.dim)

    def state_dict(self) -> dict[str, Any]:
        return {} if self._history is None else self._history.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._history = MemoryHistory(state_dict["points"].shape[1])
        self._history.load_state_dict(state_dict)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if (trainer.current_epoch + 1) % self._every_n_epochs:
            return
        assert isinstance(pl_module, LatentGenerator)  # setup has seen to it
        assert self._history is not None  # setup has seen to it
        generator = generator_at(self._seed, len(self._history))
        target = pl_module.latent_target
        new, latents = self._choose(trainer, target, generator)
        if trainer.is_global_zero:
            pl_module.log_dict(_distances(target, latents), rank_zero_only=True)
            independent = target.sample(self._num_samples, generator=generator)
            shown = latents[-self._gallery_size :]
            sets = {"new": new, "gallery": shown, "independent": independent}
            self._show(trainer, {name: _decode(pl_module, z) for name, z in sets.items()})

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

    def _show(self, trainer: Trainer, pictures: dict[str, Tensor]) -> None:
        """Writes one grid a set as PNG and to W&B; table rows are no pictures and not shown."""
        epoch = trainer.current_epoch + 1
        folder = Path(trainer.default_root_dir) / "pictures"
        for name, images in pictures.items():
            if images.ndim != 4:
                continue
            folder.mkdir(parents=True, exist_ok=True)
            columns = math.ceil(math.sqrt(len(images)))
            grid = make_grid(images, nrow=columns, padding=1, pad_value=0.5)
            stem = name if name == "gallery" else f"epoch-{epoch:04d}-{name}"
            save_image(grid, folder / f"{stem}.png")
            caption = f"epoch {epoch}: {len(images)} {_CAPTIONS[name]}"
            for logger in trainer.loggers:
                if isinstance(logger, WandbLogger):
                    picture = grid.mul(255).round().byte().permute(1, 2, 0).numpy()
                    logger.log_image(f"samples/{name}", [picture], caption=[caption])


def _distances(target: AbstractTarget, latents: Tensor) -> dict[str, float]:
    kernel = HuberEnergy()
    return {
        "sampling/squared_distance": float(squared_distance_to(kernel, latents.double(), target)),
        "sampling/independent_squared_distance": target.self_energy(kernel) / len(latents),
        "sampling/num_drawn": float(len(latents)),
    }


@torch.no_grad()
def _decode(module: LightningModule, latents: Tensor) -> Tensor:
    """Returns pictures of latents on the CPU, decoded in eval mode; leaves all modes as found."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    parts = [
        module.decode(z.to(module.device, module.dtype)).float().cpu()
        for z in latents.split(_DECODED_AT_ONCE)
    ]
    for part, training in modes:
        part.training = training
    return torch.cat(parts)
