"""Wasserstein GAN with weight clipping.

The critic f with weights in [-c, c] and the generator g minimise in turn, over batches of size m,

    critic:     mean_j f(g(z_j)) - mean_i f(x_i),      n_critic steps, weights clipped after each
    generator:  -mean_j f(g(z_j)),                     one step,

with RMSprop, no momentum. Minus the critic loss estimates K times the Wasserstein-1 distance, K the
unknown Lipschitz constant that the clipping leaves.

Source: Arjovsky, Chintala and Bottou 2017, "Wasserstein GAN", arXiv 1701.07875, Algorithm 1:
learning rate 5e-5, c = 0.01, m = 64, n_critic = 5. "For t = 0, ..., n_critic" there means n_critic
steps, as in the authors' code; that code clips before each critic step, the algorithm after it, as
here.
"""

from typing import final

import torch
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor

from lightning_modules.adversarial import AbstractAdversarial
from lightning_modules.interface import ImageShape, NetworkFactory
from lightning_modules.penalties import clip_weights
from lightning_modules.step_log import log_step

__all__ = ["WGAN"]


@final
class WGAN(AbstractAdversarial):
    """Wasserstein GAN with weight clipping; logs train/wasserstein_estimate beside both losses.

    Args:
        image_shape: of one picture, without the batch.
        latent_dim: number of latent coordinates, at least 1.
        generator: builds the network from latents to pictures, unbounded output.
        critic: builds the network from pictures to one score.
        generator_optimizer: default RMSprop with learning rate 5e-5.
        critic_optimizer: default RMSprop with learning rate 5e-5.
        n_critic: critic steps before each generator step, at least 1.
        clip: bound c of the absolute value of each critic weight, > 0.

    Raises:
        ValueError: if a size, `n_critic` or `clip` is not positive.
    """

    def __init__(
        self,
        image_shape: ImageShape,
        latent_dim: int,
        generator: NetworkFactory,
        critic: NetworkFactory,
        generator_optimizer: OptimizerCallable = lambda p: torch.optim.RMSprop(p, lr=5e-5),
        critic_optimizer: OptimizerCallable = lambda p: torch.optim.RMSprop(p, lr=5e-5),
        n_critic: int = 5,
        clip: float = 0.01,
    ) -> None:
        super().__init__(
            image_shape,
            latent_dim,
            generator,
            critic,
            generator_optimizer,
            critic_optimizer,
            n_critic,
        )
        if not clip > 0:
            raise ValueError(f"`clip` must be > 0, got {clip}.")
        self._clip = clip

    def critic_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        loss = self.critic(fake).mean() - self.critic(real).mean()
        log_step(self, {"wasserstein_estimate": -loss.detach()}, self.critic_step)
        return loss

    def generator_loss(self, fake: Tensor) -> Tensor:
        return -self.critic(fake).mean()

    def constrain_critic(self) -> None:
        clip_weights(self.critic.parameters(), self._clip)
