"""Small models, data and trainers that the tests share."""

from functools import partial
from pathlib import Path
from typing import Any

import torch
from lightning import Trainer
from lightning.pytorch.plugins import MixedPrecision
from torch import Tensor, nn

from datamodules.in_memory import AbstractInMemoryImages
from lightning_modules import EBGAN, SNGAN, VAE, WGAN, EnergyVAE
from networks import MLPDecoder, MLPEncoder

TINY_SHAPE = (1, 8, 8)
tiny_encoder = partial(MLPEncoder, widths=(16,))
tiny_decoder = partial(MLPDecoder, widths=(16,))


class TinyImages(AbstractInMemoryImages):
    """The same random images of 8 x 8 each time, without any file."""

    @property
    def image_shape(self) -> tuple[int, int, int]:
        return TINY_SHAPE

    def prepare_data(self) -> None:
        pass

    def read(self, train: bool) -> tuple[Tensor, Tensor]:
        generator = torch.Generator().manual_seed(1 if train else 2)
        n = 80 if train else 20
        images = torch.randint(0, 256, (n, *TINY_SHAPE), generator=generator, dtype=torch.uint8)
        return images, torch.arange(n) % 10


class DarkImages(TinyImages):
    """TinyImages at an eighth of their brightness: 15 of 255 on average."""

    def read(self, train: bool) -> tuple[Tensor, Tensor]:
        images, labels = super().read(train)
        return images // 8, labels


class TinyRows(TinyImages):
    """TinyImages as rows of a table."""

    @property
    def image_shape(self) -> tuple[int, ...]:  # type: ignore[override]
        return (64,)

    def read(self, train: bool) -> tuple[Tensor, Tensor]:
        images, labels = super().read(train)
        return images.flatten(1), labels


def tiny_energy_vae(**arguments: Any) -> EnergyVAE:
    arguments = {"latent_dim": 2, "latent_weight": 10.0, **arguments}
    return EnergyVAE(TINY_SHAPE, encoder=tiny_encoder, decoder=tiny_decoder, **arguments)


def tiny_vae(**arguments: Any) -> VAE:
    return VAE(TINY_SHAPE, 2, tiny_encoder, tiny_decoder, **arguments)


def tiny_wgan(**arguments: Any) -> WGAN:
    arguments = {"latent_dim": 3, "n_critic": 2, **arguments}
    return WGAN(TINY_SHAPE, generator=tiny_decoder, critic=tiny_encoder, **arguments)


def tiny_sngan(**arguments: Any) -> SNGAN:
    arguments = {"latent_dim": 3, "n_critic": 2, **arguments}
    return SNGAN(TINY_SHAPE, generator=tiny_decoder, critic=tiny_encoder, **arguments)


def tiny_ebgan(**arguments: Any) -> EBGAN:
    networks = {"generator": tiny_decoder, "encoder": tiny_encoder, "decoder": tiny_decoder}
    return EBGAN(TINY_SHAPE, **{"latent_dim": 3, "code_dim": 4, **networks, **arguments})


def quiet_trainer(folder: Path, **arguments: Any) -> Trainer:
    defaults: dict[str, Any] = {
        "accelerator": "cpu",
        "devices": 1,
        "max_epochs": 1,
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "num_sanity_val_steps": 0,
        "default_root_dir": str(folder),
    }
    return Trainer(**{**defaults, **arguments})


def scaled_precision(scale: float) -> MixedPrecision:
    """Returns the precision 16-mixed, with scaled losses, for the CPU."""
    scaler = torch.amp.GradScaler("cpu", init_scale=scale)
    return MixedPrecision("16-mixed", "cpu", scaler)


def weights(module: nn.Module) -> dict[str, Tensor]:
    """Returns a copy of a module's state."""
    return {name: value.clone() for name, value in module.state_dict().items()}


def same_weights(left: dict[str, Tensor], right: dict[str, Tensor]) -> bool:
    """Returns whether two states are equal to the last bit."""
    return left.keys() == right.keys() and all(torch.equal(left[k], right[k]) for k in left)
