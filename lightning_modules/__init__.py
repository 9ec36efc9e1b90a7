"""The models: one file each, named like its class; importing this makes their short names known."""

from lightning_modules.decoder_average import DecoderAverage
from lightning_modules.energy_vae import EnergyVAE
from lightning_modules.ensemble import Ensemble
from lightning_modules.errors import TrainingError
from lightning_modules.vae import VAE
from lightning_modules.wgan import WGAN

__all__ = ["VAE", "WGAN", "DecoderAverage", "EnergyVAE", "Ensemble", "TrainingError"]
