"""The models: one file each, named like its class; importing this makes their short names known."""

from lightning_modules.disco_gan import DiscoGAN
from lightning_modules.energy_vae import EnergyVAE
from lightning_modules.errors import TrainingError
from lightning_modules.vae import VAE
from lightning_modules.wgan import WGAN

__all__ = ["VAE", "WGAN", "DiscoGAN", "EnergyVAE", "TrainingError"]
