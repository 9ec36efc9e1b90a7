"""Huber-energy (Radon-Sobolev) variational autoencoder.

A deterministic encoder E and a decoder D minimise, over a batch of n pictures x_i, z_i = E(x_i),

    loss = (1/n) sum_i |x_i - D(z_i)|^2 + latent_weight * d^2((1/n) sum_i delta_{z_i}, mu),

the first norm summing over pixels, d^2 the squared Huber-energy distance (``hawc.distances``) to
the latent law mu. Unlike a VAE the batch of codes as a whole is matched to mu.

- latent_loss "exact": mu = N(0, I) by its exact potential.
- latent_loss "paper": c_k0 + (1/n) sum sqrt(|z|^2 + c_k1) - (1/2n^2) sum |z_i - z_j|, which is,
  up to a constant, the squared distance to a multivariate Student t law with latent_dim + 1
  degrees of freedom and not to N(0, I): mu is that law here, and samples are drawn from it.

Source: G. Turinici 2021, "Radon-Sobolev Variational Auto-Encoders", Neural Networks 141:294-305,
arXiv 1911.13135. The paper's code uses latent_weight 100, Adam 1e-3 and 128 batches an epoch.
"""

from typing import Literal, final

import torch
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor

from hawc import AbstractTarget, HuberEnergy, StandardNormal, StudentT, squared_distance_to
from lightning_modules.autoencoder import AbstractAutoencoder
from lightning_modules.interface import ImageShape, NetworkFactory

__all__ = ["EnergyVAE"]


@final
class EnergyVAE(AbstractAutoencoder):
    """Huber-energy VAE; logs loss, reconstruction (summed squared error) and latent_distance.

    The logged latent_distance is that of a batch: for codes that follow the law exactly its mean is
    E|Z - Z'| / (2 n), not 0.

    Args:
        image_shape: of one picture or row, without the batch.
        latent_dim: number of latent coordinates, at least 1.
        encoder: builds the network from pictures to latents.
        decoder: builds the network from latents to logits of pixels.
        optimizer: of all parameters.
        latent_weight: factor of the latent distance, >= 0.
        latent_loss: "exact" for N(0, I), "paper" for the paper's approximation of it.

    Raises:
        ValueError: if a size is not positive or `latent_weight` is negative.
    """

    def __init__(
        self,
        image_shape: ImageShape,
        latent_dim: int,
        encoder: NetworkFactory,
        decoder: NetworkFactory,
        optimizer: OptimizerCallable = torch.optim.Adam,
        latent_weight: float = 100.0,
        latent_loss: Literal["exact", "paper"] = "exact",
    ) -> None:
        super().__init__(image_shape, latent_dim, encoder, decoder, optimizer)
        if not latent_weight >= 0:
            raise ValueError(f"`latent_weight` must be at least 0, got {latent_weight}.")
        self._latent_weight = latent_weight
        self._kernel = HuberEnergy()
        self._latent_target: AbstractTarget = (
            StandardNormal(latent_dim)
            if latent_loss == "exact"
            else StudentT.approximating_normal(latent_dim)
        )

    @property
    def latent_target(self) -> AbstractTarget:
        return self._latent_target

    def encode(self, images: Tensor) -> Tensor:
        return self.encoder(images)

    def decode(self, z: Tensor) -> Tensor:
        return self.decoder(z).sigmoid()

    def losses(self, images: Tensor) -> dict[str, Tensor]:
        z = self.encode(images)
        reconstruction = (images - self.decode(z)).square().flatten(1).sum(1).mean()
        latent_distance = squared_distance_to(self._kernel, z, self._latent_target)
        return {
            "loss": reconstruction + self._latent_weight * latent_distance,
            "reconstruction": reconstruction,
            "latent_distance": latent_distance,
        }
