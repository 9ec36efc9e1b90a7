"""Variational autoencoder.

The encoder gives mean and log variance of q(z|x) = N(m(x), diag s(x)^2), the decoder p(x|z). Both
minimise the mean over a batch of images x of

    -E_q log p(x|z) + beta KL(q(z|x) || N(0, I)),

with one z = m + s * noise per image (the reparametrisation) and

- kl "closed": 1/2 sum_j (m_j^2 + s_j^2 - log s_j^2 - 1),
- kl "one_sample": log q(z|x) - log p(z) at that z, noisier, as in TensorFlow's tutorial.

For beta = 1, minus this is the evidence lower bound (ELBO) of log p(x), in nats per image. With S
samples z_s ~ q(z|x) the bound rises to

    log (1/S) sum_s p(x|z_s) p(z_s) / q(z_s|x).

Source: Kingma and Welling 2013, "Auto-encoding variational Bayes", arXiv 1312.6114; beta: Higgins
et al. 2017, "beta-VAE", ICLR; the tighter bound: Burda, Grosse and Salakhutdinov 2015, "Importance
weighted autoencoders", arXiv 1509.00519.
"""

import math
from typing import Any, Literal, final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hawc import StandardNormal
from hawc.precision import full_precision
from hawc.targets import AbstractTarget
from lightning_modules.base.autoencoder import AbstractAutoencoder
from lightning_modules.losses.likelihoods import bernoulli_nll, gaussian_nll

__all__ = ["VAE"]


@final
class VAE(AbstractAutoencoder):
    """Variational autoencoder; logs loss, reconstruction, kl and elbo in nats per image.

    Args:
        *args: `image_shape`, `latent_dim`, `encoder` and `decoder` of `AbstractAutoencoder`; the
            encoder gives mean and log variance, the decoder logits of pixels, or table rows.
        likelihood: of a pixel given z. "bernoulli" needs pixels in [0, 1].
        sigma: standard deviation of "gaussian" in units of a pixel, > 0; learnt if None. Without
            effect on "bernoulli".
        kl: "closed" form or "one_sample".
        beta: factor of the KL term, >= 0.
        warm_up_steps: training steps over which the factor grows linearly to `beta`, >= 0.
        num_importance_samples: S of the bound that a test logs as test/importance_weighted_bound;
            0 leaves it out.
        **options: `optimizer` and `scheduler` of `AbstractAutoencoder`.

    Raises:
        ValueError: if a number is out of its range.
    """

    statistics_per_latent = 2

    def __init__(
        self,
        *args: Any,
        likelihood: Literal["bernoulli", "gaussian"] = "bernoulli",
        sigma: float | None = None,
        kl: Literal["closed", "one_sample"] = "closed",
        beta: float = 1.0,
        warm_up_steps: int = 0,
        num_importance_samples: int = 0,
        **options: Any,
    ) -> None:
        super().__init__(*args, **options)
        if sigma is not None and not (sigma > 0 and math.isfinite(sigma)):
            raise ValueError(f"`sigma` must be > 0, or null to learn it, got {sigma}.")
        for name, value in (
            ("beta", beta),
            ("warm_up_steps", warm_up_steps),
            ("num_importance_samples", num_importance_samples),
        ):
            if not value >= 0:
                raise ValueError(f"`{name}` must be at least 0, got {value}.")
        self._likelihood = likelihood
        log_sigma = torch.tensor(math.log(sigma or 1.0))
        is_learnt = likelihood == "gaussian" and sigma is None
        self.log_sigma = nn.Parameter(log_sigma) if is_learnt else nn.Buffer(log_sigma)
        self._kl = kl
        self._beta = beta
        self._warm_up_steps = warm_up_steps
        self._num_importance_samples = num_importance_samples

    @property
    def prior(self) -> AbstractTarget:
        return StandardNormal(self.latent_dim)

    def encode(self, images: Tensor) -> Tensor:
        mean, _ = self._posterior(images)
        return mean

    def sample_latents(self, images: Tensor) -> Tensor:
        mean, log_variance = self._posterior(images)
        return mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)

    def losses(self, images: Tensor) -> dict[str, Tensor]:
        if self._likelihood == "bernoulli":
            self.check_pixels(images)
        mean, log_variance = self._posterior(images)
        noise = torch.randn_like(mean)
        z = mean + torch.exp(0.5 * log_variance) * noise
        reconstruction = self._nll(images, z).mean()
        if self._kl == "closed":
            divergence = 0.5 * (mean.square() + log_variance.exp() - log_variance - 1).sum(1).mean()
        else:
            divergence = _log_ratio(z, noise, log_variance).mean()
        return {
            "loss": reconstruction + self._present_beta() * divergence,
            "reconstruction": reconstruction,
            "kl": divergence,
            "elbo": -(reconstruction + divergence),
        }

    def test_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        super().test_step(batch, batch_idx)
        if self._num_importance_samples:
            bound = self.importance_weighted_bound(batch[0], self._num_importance_samples).mean()
            name = "test/importance_weighted_bound"
            self.log(name, bound, batch_size=len(batch[0]), sync_dist=True)

    def importance_weighted_bound(
        self, images: Float[Tensor, "n ..."], num_samples: int
    ) -> Float[Tensor, " n"]:
        """Returns a lower bound of each image's log p(x) by several samples, in nats."""
        mean, log_variance = self._posterior(images)
        log_weights = []
        for _ in range(num_samples):
            noise = torch.randn_like(mean)
            z = mean + torch.exp(0.5 * log_variance) * noise
            log_weights.append(-self._nll(images, z) - _log_ratio(z, noise, log_variance))
        return torch.stack(log_weights).logsumexp(0) - math.log(num_samples)

    def _posterior(self, images: Tensor) -> tuple[Float[Tensor, "n d"], Float[Tensor, "n d"]]:
        # half precision rounds a divergence of some nats to tenths
        mean, log_variance = full_precision(self.encoder(images)).chunk(2, dim=1)
        return mean, log_variance

    def _nll(self, images: Tensor, z: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
        output = self.decoder(z.to(images.dtype))  # the weights' dtype unless precision is mixed
        if self._likelihood == "bernoulli":
            return bernoulli_nll(images, output)
        return gaussian_nll(images, self.as_images(output), self.log_sigma)

    def _present_beta(self) -> float:
        if not self.training or self.global_step >= self._warm_up_steps:
            return self._beta
        return self._beta * self.global_step / self._warm_up_steps


def _log_ratio(
    z: Float[Tensor, "n d"], noise: Float[Tensor, "n d"], log_variance: Float[Tensor, "n d"]
) -> Float[Tensor, " n"]:
    """Returns log q(z|x) - log p(z) for z = mean + s * noise; (2 pi)^(d/2) cancels."""
    return 0.5 * (z.square() - noise.square() - log_variance).sum(1)
