"""The models, one file each; an import makes their short names known to YAML.

`base/` holds the training steps, `losses/` the losses that several models share, `interface.py` the
protocols by which callbacks and commands know models and data.
"""

from lightning_modules.base.errors import TrainingError
from lightning_modules.decoder_average import DecoderAverage
from lightning_modules.disco_gan import DiscoGAN
from lightning_modules.ebgan import EBGAN
from lightning_modules.energy_vae import EnergyVAE
from lightning_modules.ensemble import Ensemble
from lightning_modules.gan import GAN
from lightning_modules.mean_field import MeanField
from lightning_modules.sngan import SNGAN
from lightning_modules.vae import VAE
from lightning_modules.wgan import WGAN
from lightning_modules.wgan_gp import WGANGP

__all__ = [
    "EBGAN",
    "GAN",
    "SNGAN",
    "VAE",
    "WGAN",
    "WGANGP",
    "DecoderAverage",
    "DiscoGAN",
    "EnergyVAE",
    "Ensemble",
    "MeanField",
    "TrainingError",
]
