"""The first adversarial pair, with either of its two generator losses.

The critic f gives a logit: D(x) = 1 / (1 + exp(-f(x))) is how probable it holds x to be real. With
softplus(t) = log(1 + exp(t)), over batches of size n, the pair minimises in turn

    critic:          mean_i softplus(-f(x_i)) + mean_j softplus(f(g(z_j))),
    generator:       mean_j softplus(-f(g(z_j)))   "non_saturating": -log D
                     -mean_j softplus(f(g(z_j)))   "minimax": log(1 - D).

Minus the critic's loss is mean log D(x) + mean log(1 - D(g(z))), the value of the game. The best
D = p / (p + p_g) gives it -log 4 + 2 JSD(p, p_g), JSD with weights 1/2. Both generator losses have
the same fixed points; where the critic is sure of a fake, the gradient of the second vanishes.

Two cures are options. One-sided label smoothing asks for D = a < 1 on real images,

    critic:     mean_i (softplus(-f(x_i)) + (1 - a) f(x_i)) + mean_j softplus(f(g(z_j))),

and instance noise adds s N(0, I) to what the critic sees, real and fake, in the steps of both.

Source: Goodfellow et al. 2014, "Generative adversarial@@networks", arXiv 1406.2661, Algorithm 1
with k = 1, eq. 1 and section 3. It states no learning rate: Adam with 2e-4 and betas 0.5 and 0.999
are from Radford, Metz and Chintala 2015, arXiv 1511.06434. Label smoothing: Salimans et al. 2016,
arXiv 1606.03498, section 3.4. Instance noise: Sonderby et al. 2016, arXiv 1610.04490.
"""

from typing import Literal, final, get_args

import torch
from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from torch import Tensor
from torch.nn.functional import softplus

from hawc.precision import full_precision
from lightning_modules.base.adversarial import AbstractAdversarial
from lightning_modules.base.alternating import Losses
from lightning_modules.base.checks import check_at_least_one
from lightning_modules.base.optimizers import AdamWithBetas
from lightning_modules.interface import ImageShape, NetworkFactory

__all__ = ["GAN"]

GeneratorLoss = Literal["non_saturating", "minimax"]


@final
class GAN(AbstractAdversarial):
    """Generative adversarial network; logs the critic's mean logits beside both losses.

    Args:
        image_shape: of one image, without the batch.
        latent_dim: number of latent coordinates, at least 1.
        generator: builds the network from latents to images, unbounded output.
        critic: builds the network from images to one logit, positive for real.
        generator_optimizer: default Adam with learning rate 2e-4, betas 0.5 and 0.999.
        critic_optimizer: default Adam with learning rate 2e-4, betas 0.5 and 0.999.
        generator_scheduler: of the generator's learning rate, stepped after each generator step.
        critic_scheduler: of the critic's learning rate, stepped after each critic step.
        n_critic: critic steps before each generator step, the paper's k, at least 1.
        generator_batch_size: latents of a generator step in each process; as many as images in a
            batch if None.
        max_gradient_norm: bound of each network's gradient before its step, > 0; None: no bound.
        generator_loss: "non_saturating" or "minimax".
        real_label: the probability a asked for on real images, in (0.5, 1]; 1: no smoothing.
        noise_std: standard deviation s of the instance noise, >= 0; images are in [-1, 1].
        noise_steps: generator steps over which `noise_std` falls linearly to 0; None: it stays.

    Raises:
        ValueError: if an argument is out of its range.
    """

    def __init__(
        self,
        image_shape: ImageShape,
        latent_dim: int,
        generator: NetworkFactory,
        critic: NetworkFactory,
        generator_optimizer: OptimizerCallable = lambda p: AdamWithBetas(
            p, lr=2e-4, beta1=0.5, beta2=0.999
        ),
        critic_optimizer: OptimizerCallable = lambda p: AdamWithBetas(
            p, lr=2e-4, beta1=0.5, beta2=0.999
        ),
        generator_scheduler: LRSchedulerCallable | None = None,
        critic_scheduler: LRSchedulerCallable | None = None,
        n_critic: int = 1,
        generator_batch_size: int | None = None,
        max_gradient_norm: float | None = None,
        generator_loss: GeneratorLoss = "non_saturating",
        real_label: float = 1.0,
        noise_std: float = 0.0,
        noise_steps: int | None = None,
    ) -> None:
        super().__init__(
            image_shape,
            latent_dim,
            generator,
            critic,
            generator_optimizer,
            critic_optimizer,
            generator_scheduler,
            critic_scheduler,
            n_critic,
            generator_batch_size,
            max_gradient_norm,
        )
        if generator_loss not in get_args(GeneratorLoss):
            raise ValueError(
                f'`generator_loss` must be "non_saturating" or "minimax", got {generator_loss!r}.'
            )
        if not 0.5 < real_label <= 1:
            raise ValueError(f"`real_label` must be in (0.5, 1], got {real_label}; 0.9 is usual.")
        if not 0 <= noise_std < float("inf"):
            raise ValueError(f"`noise_std` must be at least 0 and finite, got {noise_std}.")
        if noise_steps is not None:
            check_at_least_one("noise_steps", noise_steps)
        self._saturates = generator_loss == "minimax"
        self._real_label = real_label
        self._noise_std = noise_std
        self._noise_steps = noise_steps

    def critic_losses(self, real: Tensor, fake: Tensor) -> Losses:
        on_real, on_fake = self.scores(self._blurred(real), self._blurred(fake))
        smoothing = (1 - self._real_label) * on_real
        return {
            "loss": (softplus(-on_real) + smoothing).mean() + softplus(on_fake).mean(),
            "score_real": on_real,
            "score_fake": on_fake,
        }

    def generator_losses(self, fake: Tensor) -> Losses:
        logits = full_precision(self.critic(self._blurred(fake)))
        return {"loss": -softplus(logits).mean() if self._saturates else softplus(-logits).mean()}

    def present_noise_std(self) -> float:
        """Returns the standard deviation of the instance noise at the present generator step."""
        if self._noise_steps is None:
            return self._noise_std
        return self._noise_std * max(0.0, 1 - self.generator_step / self._noise_steps)

    def _blurred(self, images: Tensor) -> Tensor:
        std = self.present_noise_std()
        return images + std * torch.randn_like(images) if std > 0 else images
