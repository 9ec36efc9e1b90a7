"""Energy-based GAN with an autoencoder as critic.

The critic gives a picture its energy D(x) = |Dec(Enc(x)) - x|, and it and the generator g minimise
in turn, with the margin m, over batches of size n,

    critic:     mean_i D(x_i) + mean_j max(0, m - D(g(z_j))),
    generator:  mean_j D(g(z_j)) + w PT,
    PT = 1/(n (n - 1)) sum_{i != j} cos(S_i, S_j)^2,        S_j = Enc(g(z_j)).

The norm is the Euclidean one over the pixels in [-1, 1], not the mean of squares: that is at most 4
and would never reach the paper's margin of 10. The pulling-away term PT repels the codes of a batch
and is the generator's alone. Low scores are good here, unlike in the other models.

Source: Zhao, Mathieu and LeCun 2016, "Energy-based Generative Adversarial Network", arXiv
1609.03126: for MNIST fully connected networks, margin 10, Adam 1e-3; w = 0.1.
"""

from typing import final

import torch
from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from torch import Tensor

from lightning_modules.adversarial import AbstractAdversarial
from lightning_modules.alternating import Losses
from lightning_modules.energy_critic import EnergyCritic
from lightning_modules.hyperparameters import check_at_least_one
from lightning_modules.interface import ImageShape, NetworkFactory
from lightning_modules.pulling_away import pulling_away

__all__ = ["EBGAN"]


@final
class EBGAN(AbstractAdversarial):
    """Energy-based GAN; logs mean energies as train/score_real and train/score_fake.

    Args:
        image_shape: of one picture, without the batch.
        latent_dim: number of latent coordinates, at least 1.
        generator: builds the network from latents to pictures, unbounded output.
        encoder: builds the critic's network from pictures to codes.
        decoder: builds the critic's network from codes to pictures, unbounded output.
        code_dim: length of a code, at least 1.
        generator_optimizer: default Adam with learning rate 1e-3.
        critic_optimizer: of encoder and decoder; default Adam with learning rate 1e-3.
        generator_scheduler: of the generator's learning rate, stepped after each generator step.
        critic_scheduler: of the critic's learning rate, stepped after each critic step.
        n_critic: critic steps before each generator step, at least 1.
        generator_batch_size: latents of a generator step in each process; as many as pictures in a
            batch if None.
        max_gradient_norm: bound of each network's gradient before its step, > 0; None: no bound.
        margin: energy from which on the critic leaves a generated picture alone, > 0, in the units
            of the norm: it grows with the square root of the number of pixels.
        pulling_away_weight: of PT, >= 0; needs two pictures in a generator step in each process.

    Raises:
        ValueError: if a size, `n_critic` or `margin` is not positive, or the weight is negative.
        TrainingError: (in a step) if PT has one picture only.
    """

    critic: EnergyCritic

    def __init__(
        self,
        image_shape: ImageShape,
        latent_dim: int,
        generator: NetworkFactory,
        encoder: NetworkFactory,
        decoder: NetworkFactory,
        code_dim: int,
        generator_optimizer: OptimizerCallable = lambda p: torch.optim.Adam(p, lr=1e-3),
        critic_optimizer: OptimizerCallable = lambda p: torch.optim.Adam(p, lr=1e-3),
        generator_scheduler: LRSchedulerCallable | None = None,
        critic_scheduler: LRSchedulerCallable | None = None,
        n_critic: int = 1,
        generator_batch_size: int | None = None,
        max_gradient_norm: float | None = None,
        margin: float = 10.0,
        pulling_away_weight: float = 0.1,
    ) -> None:
        check_at_least_one("code_dim", code_dim)
        if not margin > 0:
            raise ValueError(f"`margin` must be > 0, got {margin}; the paper's for MNIST is 10.")
        if not pulling_away_weight >= 0:
            raise ValueError(
                f"`pulling_away_weight` must be at least 0, got {pulling_away_weight}; the paper's "
                "is 0.1, and 0 leaves the term out."
            )

        def critic(shape: ImageShape, _: int) -> EnergyCritic:
            return EnergyCritic(encoder(shape, code_dim), decoder(shape, code_dim), shape)

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
        self._margin = margin
        self._pulling_away_weight = pulling_away_weight

    def critic_losses(self, real: Tensor, fake: Tensor) -> Losses:
        on_real, on_fake = self.scores(real, fake)
        return {
            "loss": on_real.mean() + (self._margin - on_fake).relu().mean(),
            "score_real": on_real,
            "score_fake": on_fake,
        }

    def generator_losses(self, fake: Tensor) -> Losses:
        codes = self.critic.encoder(fake)
        energy = self.critic.energies(fake, codes).mean()
        if self._pulling_away_weight == 0:
            return {"loss": energy}
        repulsion = pulling_away(codes)
        return {"loss": energy + self._pulling_away_weight * repulsion, "pulling_away": repulsion}
