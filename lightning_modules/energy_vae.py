"""Huber-energy (Radon-Sobolev) variational autoencoder.

A deterministic encoder E and a decoder D minimise, over a batch of n images x_i, z_i = E(x_i),

    loss = (1/n) sum_i r(x_i, D(z_i)) + latent_weight * distance((1/n) sum_i delta_{z_i}, mu).

Unlike a VAE it matches the batch of latents as a whole to the prior mu. The reconstruction error r
is a sum over pixels: of squared errors, of Huber losses (e^2 / 2 up to |e| = delta, then
delta (|e| - delta / 2)), or minus a Bernoulli log likelihood.

- latent_loss "exact": squared Huber-energy distance to mu = N(0, I) by its exact potential.
- latent_loss "paper": c_k0 + (1/n) sum sqrt(|z|^2 + c_k1) - (1/2n^2) sum |z_i - z_j|. Up to a
  constant this is the squared distance to a multivariate Student t distribution with
  latent_dim + 1 degrees of freedom, not to N(0, I). That distribution is the prior mu here.
- latent_loss "mmd", "sliced_wasserstein": other distances to N(0, I) (``losses.latent``).
- latent_loss "none": a plain autoencoder, for comparison.

Source: G. Turinici 2021, "Radon-Sobolev Variational Auto-Encoders", Neural Networks 141:294-305,
arXiv 1911.13135. The paper's code uses latent_weight 100, Adam 1e-3 and 128 batches per
epoch.
"""

from typing import Any, Literal, final

import torch
from torch import Tensor
from torch.nn import functional

from hawc.distances import squared_distance_to
from hawc.kernels import HuberEnergy
from hawc.targets import AbstractTarget
from lightning_modules.base.autoencoder import AbstractAutoencoder
from lightning_modules.base.runtime import attached_trainer, is_logged
from lightning_modules.losses.latent import make_latent_loss, prior_of
from lightning_modules.losses.likelihoods import bernoulli_nll

__all__ = ["EnergyVAE"]


@final
class EnergyVAE(AbstractAutoencoder):
    """Huber-energy VAE; logs loss, reconstruction and latent_distance.

    latent_distance is the squared Huber-energy distance of a batch of latents to the prior. For n
    i.i.d. samples of the prior its mean is E|Z - Z'| / (2 n), not 0. If another latent loss is
    minimised, that is logged as latent_loss, and latent_distance is computed at logged steps only.

    Args:
        *args: `image_shape`, `latent_dim`, `encoder` and `decoder` of `AbstractAutoencoder`; the
            encoder gives latents, the decoder logits of pixels, or table rows.
        latent_weight: factor of the latent loss, >= 0.
        latent_loss: "exact" for N(0, I), "paper" for the paper's approximation of it, "mmd",
            "sliced_wasserstein" or "none".
        reconstruction: "squared", "huber" or "bernoulli"; the last needs pixels in [0, 1].
        huber_delta: > 0, in units of a pixel, for "huber".
        **options: `optimizer` and `scheduler` of `AbstractAutoencoder`.

    Raises:
        ValueError: if a size is not positive, `latent_weight` is negative or `huber_delta` is not
            positive.
    """

    def __init__(
        self,
        *args: Any,
        latent_weight: float = 100.0,
        latent_loss: Literal["exact", "paper", "mmd", "sliced_wasserstein", "none"] = "exact",
        reconstruction: Literal["squared", "huber", "bernoulli"] = "squared",
        huber_delta: float = 1.0,
        **options: Any,
    ) -> None:
        super().__init__(*args, **options)
        if not latent_weight >= 0:
            raise ValueError(f"`latent_weight` must be at least 0, got {latent_weight}.")
        if not huber_delta > 0:
            raise ValueError(f"`huber_delta` must be > 0, got {huber_delta}.")
        self._latent_weight = latent_weight
        self._prior = prior_of(latent_loss, self.latent_dim)
        self._latent_loss = make_latent_loss(latent_loss, self.latent_dim)
        self._minimises_distance = latent_loss in ("exact", "paper")
        self._reconstruction = reconstruction
        self._huber_delta = huber_delta

    @property
    def prior(self) -> AbstractTarget:
        return self._prior

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
        if self._is_distance_logged():
            with torch.no_grad():
                distance = squared_distance_to(HuberEnergy(), z, self._prior)
            losses["latent_distance"] = distance
        return losses

    def _is_distance_logged(self) -> bool:
        """Returns whether this step is logged; outside training every step is."""
        trainer = attached_trainer(self) if self.training else None
        return trainer is None or is_logged(trainer, self.global_step)

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
