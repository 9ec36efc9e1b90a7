"""Wasserstein GAN with weight clipping.

The critic f with weights in [-c, c] and the generator g minimise alternately, over batches of m,

    critic:     mean_j f(g(z_j)) - mean_i f(x_i),      n_critic steps, weights clipped after each
    generator:  -mean_j f(g(z_j)),                     one step.

Minus the critic's loss estimates K times the Wasserstein-1 distance. K is the unknown Lipschitz
constant that the clipping leaves.

Source: Arjovsky, Chintala and Bottou 2017, "Wasserstein GAN", arXiv 1701.07875, Algorithm 1:
RMSprop without momentum, learning rate 5e-5, c = 0.01, m = 64, n_critic = 5. Its loop
"for t = 0, ..., n_critic" means n_critic steps, as in the authors' code. That code clips before
each critic step; the algorithm, and this file, clip after it.
"""

from collections.abc import Iterable
from typing import Any, final

import torch
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor, nn

from lightning_modules.base.adversarial import AbstractAdversarial, Losses
from lightning_modules.base.checks import check_positive

__all__ = ["WGAN", "clip_weights"]


@final
class WGAN(AbstractAdversarial):
    """Wasserstein GAN with weight clipping; logs losses and Wasserstein estimate.

    Args:
        *args: `image_shape`, `latent_dim`, `generator` and `critic` of `AbstractAdversarial`.
        generator_optimizer: default RMSprop with learning rate 5e-5.
        critic_optimizer: default RMSprop with learning rate 5e-5.
        n_critic: critic steps before each generator step, at least 1.
        clip: bound c of the absolute value of each critic weight, > 0.
        start_up: whether 100 critic steps precede each of the first 25 generator steps and every
            500th, as in the authors' code but not in the paper.
        **options: the other options of `AbstractAdversarial`.

    Raises:
        ValueError: if a size, `n_critic` or `clip` is not positive.
    """

    def __init__(
        self,
        *args: Any,
        generator_optimizer: OptimizerCallable = lambda p: torch.optim.RMSprop(p, lr=5e-5),
        critic_optimizer: OptimizerCallable = lambda p: torch.optim.RMSprop(p, lr=5e-5),
        n_critic: int = 5,
        clip: float = 0.01,
        start_up: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(
            *args,
            generator_optimizer=generator_optimizer,
            critic_optimizer=critic_optimizer,
            n_critic=n_critic,
            **options,
        )
        check_positive("clip", clip, "the paper's is 0.01")
        self._clip, self._start_up = clip, start_up

    def critic_losses(self, real: Tensor, fake: Tensor) -> Losses:
        score_real, score_fake = (scores.mean() for scores in self.scores(real, fake))
        estimate = score_real - score_fake
        return {
            "loss": -estimate,
            "wasserstein_estimate": estimate,
            "score_real": score_real,
            "score_fake": score_fake,
        }

    def generator_losses(self, real: Tensor, fake: Tensor) -> Losses:
        return {"loss": -self.score(fake).mean()}

    def constrain_critic(self) -> None:
        clip_weights(self.critic.parameters(), self._clip)

    def critic_steps_due(self, generator_step: int) -> int:
        starting = generator_step < 25 or generator_step % 500 == 0
        return max(100, self.n_critic) if self._start_up and starting else self.n_critic


@torch.no_grad()
def clip_weights(parameters: Iterable[nn.Parameter], bound: float) -> None:
    """Clips every weight to [-bound, bound], in place.

    Source: Arjovsky, Chintala and Bottou 2017, arXiv 1701.07875, Algorithm 1, line 7.
    """
    for parameter in parameters:
        parameter.clamp_(-bound, bound)
