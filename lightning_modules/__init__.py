"""The models: one file each, named like its class; importing this makes their short names known."""

from lightning_modules.energy_vae import EnergyVAE
from lightning_modules.wgan import WGAN

__all__ = ["WGAN", "EnergyVAE"]
