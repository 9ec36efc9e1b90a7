"""Steps models in two processes so that one process can do the same; started by test_ddp.py."""

import itertools
import sys
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import torch
from lightning import LightningDataModule, LightningModule, seed_everything
from torch import Tensor

from lightning_modules import WGANGP
from lightning_modules.base.adversarial import AbstractAdversarial
from tests.helpers import (
    TINY_SHAPE,
    TinyImages,
    quiet_trainer,
    tiny_decoder,
    tiny_ebgan,
    tiny_encoder,
    tiny_energy_vae,
    tiny_sngan,
    tiny_vae,
    weights,
)
from tests.tiny_domains import TinyDomains, tiny_disco_gan

Losses = dict[str, Tensor]

BATCH = 64  # of one process, or of two together
PRECISIONS = ("32-true", "64-true")
MODELS: dict[str, Callable[[], LightningModule]] = {
    "vae": tiny_vae,
    "energy_vae": tiny_energy_vae,
    "wgan_gp": lambda: WGANGP(TINY_SHAPE, 3, tiny_decoder, tiny_encoder, n_critic=2),
    "sngan": tiny_sngan,
    "ebgan": tiny_ebgan,
    "disco_gan": lambda: tiny_disco_gan(TINY_SHAPE),
}
# terms of several images at once that each process takes of its own, and averages
OF_ONE_PROCESS = {"energy_vae": "losses", "ebgan": "generator_losses"}


def train(
    model: str, folder: Path, num_processes: int, precision: str
) -> tuple[dict[str, Tensor], ...]:
    """Returns the weights before and after ten batches of the process that asks."""
    seed_everything(0, verbose=False)
    module = MODELS[model]()
    before = weights(module)
    if num_processes == 1 and (name := OF_ONE_PROCESS.get(model)):
        setattr(module, name, _by_halves(getattr(module, name)))
    draw = _shared_noise(module, num_processes)
    if isinstance(module, AbstractAdversarial):
        latent_dim = module.latent_dim
        module._latents = lambda n: draw(n, latent_dim)  # type: ignore[method-assign]
    trainer = quiet_trainer(
        folder,
        max_epochs=10,  # of one batch: 72 examples are trained on
        devices=num_processes,
        strategy="ddp_find_unused_parameters_true" if num_processes > 1 else "auto",
        precision=precision,
        limit_val_batches=0,
    )
    with (
        patch("lightning_modules.wgan_gp._between", lambda real, fake: (real + fake) / 2),
        patch("torch.randn_like", lambda like: draw(*like.shape)),
    ):
        trainer.fit(module, _data(model, BATCH // num_processes))
    return before, weights(module)


def _data(model: str, batch_size: int) -> LightningDataModule:
    if model == "disco_gan":
        return TinyDomains(batch_size, num_pairs=80)
    return TinyImages(batch_size=batch_size)


def _shared_noise(module: LightningModule, num_processes: int) -> Callable[[int, int], Tensor]:
    """Returns what draws those rows of a common batch whose places a process's images have."""
    calls = itertools.count()

    def draw(n: int, dim: int) -> Tensor:
        generator = torch.Generator().manual_seed(next(calls))
        size = n * num_processes, dim
        common = torch.randn(size, generator=generator, dtype=torch.float64)
        dtype = next(module.parameters()).dtype
        return common[module.global_rank :: num_processes].to(dtype)

    return draw


def _by_halves(losses: Callable[..., Losses]) -> Callable[..., Losses]:
    def mean(*batches: Tensor) -> Losses:
        first, second = (losses(*[batch[half::2] for batch in batches]) for half in (0, 1))
        return {name: (first[name] + second[name]) / 2 for name in first}

    return mean


def main(folder: Path) -> None:
    for model, precision in itertools.product(MODELS, PRECISIONS):
        _, after = train(model, folder, 2, precision)
        rank = torch.distributed.get_rank()
        torch.save(after, folder / f"{model}-{precision}-{rank}.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
