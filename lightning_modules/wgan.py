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

from collections.abc import Iterable
from typing import final

import torch
from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from torch import Tensor, nn

from hawc.precision import full_precision
from lightning_modules.base.adversarial import AbstractAdversarial
from lightning_modules.base.alternating import Losses
from lightning_modules.interface import ImageShape, NetworkFactory

__all__ = ["WGAN", "clip_weights"]


@final
class WGAN(AbstractAdversarial):
    """Wasserstein GAN with weight clipping; logs train/wasserstein_estimate beside both losses.

    Args:
        image_shape: of one image, without the batch.
        latent_dim: number of latent coordinates, at least 1.
        generator: builds the network from latents to images, unbounded output.
        critic: builds the network from images to one score.
        generator_optimizer: default RMSprop with learning rate 5e-5.
        critic_optimizer: default RMSprop with learning rate 5e-5.
        generator_scheduler: of the generator's learning rate, stepped after each generator step.
        critic_scheduler: of the critic's learning rate, stepped after each critic step.
        n_critic: critic steps before each generator step, at least 1.
        generator_batch_size: latents of a generator step in each process; as many as images in a
            batch if None.
        max_gradient_norm: bound of each network's gradient before its step, > 0; None: no bound.
        clip: bound c of the absolute value of each critic weight, > 0.
        start_up: whether 100 critic steps precede each of the first 25 generator steps and every
            500th, as in the authors' code though not in the paper.

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
        generator_scheduler: LRSchedulerCallable | None = None,
        critic_scheduler: LRSchedulerCallable | None = None,
        n_critic: int = 5,
        generator_batch_size: int | None = None,
        max_gradient_norm: float | None = None,
        clip: float = 0.01,
        start_up: bool = False,
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
        if not clip > 0:
            raise ValueError(f"`clip` must be > 0, got {clip}; the paper's is 0.01.")
        self._clip = clip
        self._start_up = start_up

    def critic_losses(self, real: Tensor, fake: Tensor) -> Losses:
        score_real, score_fake = (scores.mean() for scores in self.scores(real, fake))
        estimate = score_real - score_fake
        return {
            "loss": -estimate,
            "wasserstein_estimate": estimate,
            "score_real": score_real,
            "score_fake": score_fake,
        }

    def generator_losses(self, fake: Tensor) -> Losses:
        return {"loss": -full_precision(self.critic(fake)).mean()}

    def constrain_critic(self) -> None:
        clip_weights(self.critic.parameters(), self._clip)

    def critic_steps_due(self, generator_step: int) -> int:
        starting = generator_step < 25 or generator_step % 500 == 0
        return max(100, self.n_critic) if self._start_up and starting else self.n_critic


@torch.no_grad()
def clip_weights(parameters: Iterable[nn.Parameter], bound: float) -> None:
    """Moves every weight into [-bound, bound], in place.

    Source: Arjovsky, Chintala and Bottou 2017, arXiv 1701.07875, Algorithm 1, line 7.
    """
    for parameter in parameters:
        parameter.clamp_(-bound, bound)
