"""Generative adversarial network, with either of the paper's two generator losses.

The critic f gives a logit: D(x) = 1 / (1 + exp(-f(x))) is the probability that x is real. With
softplus(t) = log(1 + exp(t)), over batches of n, both networks minimise alternately

    critic:          mean_i softplus(-f(x_i)) + mean_j softplus(f(g(z_j))),
    generator:       mean_j softplus(-f(g(z_j)))   "non_saturating": -log D
                     -mean_j softplus(f(g(z_j)))   "minimax": log(1 - D).

Minus the critic's loss is mean log D(x) + mean log(1 - D(g(z))), the value of the game. The best
D = p / (p + p_g) gives it -log 4 + 2 JSD(p, p_g), JSD with weights 1/2. Both generator losses have
the same fixed points; where the critic is sure of a fake, the gradient of the second vanishes.

Two stabilizers are optional. One-sided label smoothing replaces the label 1 of real images by
a < 1,

    critic:     mean_i (softplus(-f(x_i)) + (1 - a) f(x_i)) + mean_j softplus(f(g(z_j))),

and instance noise adds s N(0, I) to the critic's input, real and fake, in the steps of both.

Source: Goodfellow et al. 2014, "Generative adversarial nets", arXiv 1406.2661, Algorithm 1
with k = 1, eq. 1 and section 3. It states no learning rate: Adam with 2e-4 and betas 0.5 and 0.999
are from Radford, Metz and Chintala 2015, arXiv 1511.06434. Label smoothing: Salimans et al. 2016,
arXiv 1606.03498, section 3.4. Instance noise: Sonderby et al. 2016, arXiv 1610.04490.
"""

from typing import Any, Literal, final

import torch
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor
from torch.nn.functional import softplus

from lightning_modules.base.adversarial import AbstractAdversarial, Losses
from lightning_modules.base.checks import check_at_least_one, check_choice
from lightning_modules.base.optimizers import AdamWithBetas

__all__ = ["GAN"]

GeneratorLoss = Literal["non_saturating", "minimax"]


@final
class GAN(AbstractAdversarial):
    """Generative adversarial network; logs the critic's mean logits and both losses.

    Args:
        *args: `image_shape`, `latent_dim`, `generator` and `critic` of `AbstractAdversarial`; the
            critic gives a logit, positive for real.
        generator_optimizer: default Adam with learning rate 2e-4, betas 0.5 and 0.999.
        critic_optimizer: default Adam with learning rate 2e-4, betas 0.5 and 0.999.
        generator_loss: "non_saturating" or "minimax".
        real_label: the label a of real images, a probability in (0.5, 1]; 1: no smoothing.
        noise_std: standard deviation s of the instance noise, >= 0; images are in [-1, 1].
        noise_steps: generator steps over which `noise_std` falls linearly to 0; None: it stays.
        **options: the other options of `AbstractAdversarial`; `n_critic` is the paper's k.

    Raises:
        ValueError: if an argument is out of its range.
    """

    def __init__(
        self,
        *args: Any,
        generator_optimizer: OptimizerCallable = lambda p: AdamWithBetas(
            p, lr=2e-4, beta1=0.5, beta2=0.999
        ),
        critic_optimizer: OptimizerCallable = lambda p: AdamWithBetas(
            p, lr=2e-4, beta1=0.5, beta2=0.999
        ),
        generator_loss: GeneratorLoss = "non_saturating",
        real_label: float = 1.0,
        noise_std: float = 0.0,
        noise_steps: int | None = None,
        **options: Any,
    ) -> None:
        super().__init__(
            *args,
            generator_optimizer=generator_optimizer,
            critic_optimizer=critic_optimizer,
            **options,
        )
        check_choice("generator_loss", generator_loss, GeneratorLoss)
        if not 0.5 < real_label <= 1:
            raise ValueError(f"`real_label` must be in (0.5, 1], got {real_label}; 0.9 is usual.")
        if not 0 <= noise_std < float("inf"):
            raise ValueError(f"`noise_std` must be at least 0 and finite, got {noise_std}.")
        if noise_steps is not None:
            check_at_least_one("noise_steps", noise_steps)
        self._generator_loss, self._real_label = generator_loss, real_label
        self._noise_std, self._noise_steps = noise_std, noise_steps

    def critic_losses(self, real: Tensor, fake: Tensor) -> Losses:
        score_real, score_fake = self.scores(self._with_noise(real), self._with_noise(fake))
        smoothing = (1 - self._real_label) * score_real
        loss_real = (softplus(-score_real) + smoothing).mean()
        loss_fake = softplus(score_fake).mean()
        return {
            "loss": loss_real + loss_fake,
            "score_real": score_real,
            "score_fake": score_fake,
        }

    def generator_losses(self, real: Tensor, fake: Tensor) -> Losses:
        logits = self.score(self._with_noise(fake))
        if self._generator_loss == "minimax":
            return {"loss": -softplus(logits).mean()}
        return {"loss": softplus(-logits).mean()}

    def present_noise_std(self) -> float:
        """Returns the standard deviation of instance noise at this generator step."""
        if self._noise_steps is None:
            return self._noise_std
        return self._noise_std * max(0.0, 1 - self.generator_step / self._noise_steps)

    def _with_noise(self, images: Tensor) -> Tensor:
        std = self.present_noise_std()
        return images + std * torch.randn_like(images) if std > 0 else images
