"""Huber-energy (Radon-Sobolev) variational autoencoder.

A deterministic encoder E and a decoder D minimise, over a batch of n images x_i, z_i = E(x_i),

    loss = (1/n) sum_i r(x_i, D(z_i)) + latent_weight * distance((1/n) sum_i delta_{z_i}, mu).

Unlike in a VAE the batch of latents as a whole is matched to the prior mu. The reconstruction r
is a sum over pixels: of squared errors, of Huber losses (e^2 / 2 up to |e| = delta, then
delta (|e| - delta / 2)), or minus a Bernoulli log likelihood.

- latent_loss "exact": squared Huber-energy distance to mu = N(0, I) by its exact potential.
- latent_loss "paper": c_k0 + (1/n) sum sqrt(|z|^2 + c_k1) - (1/2n^2) sum |z_i - z_j|, which is,
  up to a constant, the squared distance to a multivariate Student t distribution with latent_dim +
  1 degrees of freedom and not to N(0, I): mu is that distribution here, and samples are drawn from
  it.
- latent_loss "mmd", "sliced_wasserstein": other distances to N(0, I) (``latent_losses``).
- latent_loss "none": a plain autoencoder, for comparison.

Source: G. Turinici 2021, "Radon-Sobolev Variational Auto-Encoders", Neural Networks 141:294-305,
arXiv 1911.13135. The paper's latent uses latent_weight 100, Adam 1e-3 and 128 batches an epoch.
"""

from typing import Literal, final

import torch
from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from torch import Tensor
from torch.nn import functional

from hawc.distances import squared_distance_to
from hawc.kernels import HuberEnergy
from hawc.targets import AbstractTarget
from lightning_modules.base.autoencoder import AbstractAutoencoder
from lightning_modules.base.runtime import attached_trainer, is_read
from lightning_modules.interface import ImageShape, NetworkFactory
from lightning_modules.losses.latent import make_latent_loss, prior
from lightning_modules.losses.likelihoods import bernoulli_nll

__all__ = ["EnergyVAE"]


@final
class EnergyVAE(AbstractAutoencoder):
    """Huber-energy VAE; logs loss, reconstruction and latent_distance.

    The logged latent_distance is the squared Huber-energy distance of a batch: for latents that
    follow the distribution exactly its mean is E|Z - Z'| / (2 n), not 0. Where it is not minimised,
    what is minimised in its place is logged as latent_loss, and it is computed at logged steps
    only.

    Args:
        image_shape: of one image (channels, height, width), or of one table row (features,).
        latent_dim: number of latent coordinates, at least 1.
        encoder: builds the network from images to latents.
        decoder: builds the network from latents to logits of pixels, or to table rows.
        optimizer: of all parameters.
        scheduler: of the optimizer's learning rate, stepped after each epoch; none if None.
        latent_weight: factor of the latent loss, >= 0.
        latent_loss: "exact" for N(0, I), "paper" for the paper's approximation of it, "mmd",
            "sliced_wasserstein", "none".
        reconstruction: "squared", "huber" or "bernoulli"; the last needs pixels in [0, 1].
        huber_delta: > 0, in units of a pixel, for "huber".

    Raises:
        ValueError: if a size is not positive, `latent_weight` is negative or `huber_delta` is not
            positive.
    """

    def __init__(
        self,
        image_shape: ImageShape,
        latent_dim: int,
        encoder: NetworkFactory,
        decoder: NetworkFactory,
        optimizer: OptimizerCallable = torch.optim.Adam,
        scheduler: LRSchedulerCallable | None = None,
        latent_weight: float = 100.0,
        latent_loss: Literal["exact", "paper", "mmd", "sliced_wasserstein", "none"] = "exact",
        reconstruction: Literal["squared", "huber", "bernoulli"] = "squared",
        huber_delta: float = 1.0,
    ) -> None:
        super().__init__(image_shape, latent_dim, encoder, decoder, optimizer, scheduler)
        if not latent_weight >= 0:
            raise ValueError(f"`latent_weight` must be at least 0, got {latent_weight}.")
        if not huber_delta > 0:
            raise ValueError(f"`huber_delta` must be > 0, got {huber_delta}.")
        self._latent_weight = latent_weight
        self._latent_target = prior(latent_loss, latent_dim)
        self._latent_loss = make_latent_loss(latent_loss, latent_dim)
        self._minimises_distance = latent_loss in ("exact", "paper")
        self._reconstruction = reconstruction
        self._huber_delta = huber_delta

    @property
    def prior(self) -> AbstractTarget:
        return self._latent_target

    def encode(self, images: Tensor) -> Tensor:
        return self.encoder(images)

    def losses(self, images: Tensor) -> dict[str, Tensor]:
        z = self.encode(images)
        reconstruction = self._reconstruction_loss(images, self.decoder(z))
        latent_loss = self._latent_loss(z)
        losses = {
            "loss": reconstruction + self._latent_weight * latent_loss,
            "reconstruction": reconstruction,
        }
        if self._minimises_distance:
            return {**losses, "latent_distance": latent_loss}
        losses["latent_loss"] = latent_loss
        if self._distance_is_read():
            with torch.no_grad():
                distance = squared_distance_to(HuberEnergy(), z, self._latent_target)
            losses["latent_distance"] = distance
        return losses

    def _distance_is_read(self) -> bool:
        """Whether anybody will see a distance that is not minimised: not at most training steps."""
        trainer = attached_trainer(self) if self.training else None
        return trainer is None or is_read(trainer, self.global_step)

    def _reconstruction_loss(self, images: Tensor, output: Tensor) -> Tensor:
        if self._reconstruction == "bernoulli":
            self.check_pixels(images)
            return bernoulli_nll(images, output).mean()
        decoded = self.as_images(output)
        if self._reconstruction == "huber":
            delta = self._huber_delta
            losses = functional.huber_loss(decoded, images, reduction="none", delta=delta)
        else:
            losses = (images - decoded).square()
        return losses.flatten(1).sum(1).mean()
