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
from lightning_modules.adversarial import AbstractAdversarial
from lightning_modules.alternating import Losses
from tests.helpers import (
    TINY_SHAPE,
    TinyImages,
    quiet_trainer,
    tiny_decoder,
    tiny_ebgan,
    tiny_encoder,
    weights,
)
from tests.tiny_domains import TinyDomains, tiny_disco_gan

Run = tuple[LightningModule, LightningDataModule]


def wgan_gp(num_processes: int) -> Run:
    module = WGANGP(TINY_SHAPE, 3, tiny_decoder, tiny_encoder, n_critic=2)
    _share_latents(module, num_processes)
    return module, TinyImages(batch_size=18 // num_processes)


def ebgan(num_processes: int) -> Run:
    """Its pulling-away term is of the pictures of one process, so one process takes two halves."""
    module = tiny_ebgan()
    _share_latents(module, num_processes)
    if num_processes == 1:
        module.generator_losses = _by_halves(module.generator_losses)  # type: ignore[method-assign]
    return module, TinyImages(batch_size=18 // num_processes)


def disco_gan(num_processes: int) -> Run:
    return tiny_disco_gan(TINY_SHAPE), TinyDomains(batch_size=6 // num_processes)


MODELS: dict[str, Callable[[int], Run]] = {
    "wgan_gp": wgan_gp,
    "ebgan": ebgan,
    "disco_gan": disco_gan,
}


def train(model: str, folder: Path, num_processes: int) -> tuple[dict[str, Tensor], ...]:
    """Returns the weights before and after, in double precision, of the process that asks."""
    seed_everything(0, verbose=False)
    module, data = MODELS[model](num_processes)
    before = weights(module)
    trainer = quiet_trainer(
        folder,
        max_epochs=2,
        devices=num_processes,
        strategy="ddp_find_unused_parameters_true" if num_processes > 1 else "auto",
        precision="64-true",
        limit_val_batches=0,
    )
    with patch("lightning_modules.wgan_gp._between", lambda real, fake: (real + fake) / 2):
        trainer.fit(module, data)
    return {name: value.double() for name, value in before.items()}, weights(module)


def _share_latents(module: AbstractAdversarial, num_processes: int) -> None:
    """Gives each process those latents whose places its pictures have in one common batch."""
    calls = itertools.count()

    def latents(n: int) -> Tensor:
        generator = torch.Generator().manual_seed(next(calls))
        size = n * num_processes, module.latent_dim
        return torch.randn(size, generator=generator).double()[module.global_rank :: num_processes]

    module._latents = latents  # type: ignore[method-assign]


def _by_halves(losses: Callable[[Tensor], Losses]) -> Callable[[Tensor], Losses]:
    def mean(fake: Tensor) -> Losses:
        first, second = losses(fake[::2]), losses(fake[1::2])
        return {name: (first[name] + second[name]) / 2 for name in first}

    return mean


def main(folder: Path) -> None:
    for model in MODELS:
        _, after = train(model, folder, 2)
        rank = torch.distributed.get_rank()
        torch.save(after, folder / f"{model}-{rank}.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
