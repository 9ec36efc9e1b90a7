"""Trains a critic and a generator with latents in alternating steps.
Each batch of real images serves one critic step: the generator makes fakes from latents, and the
critic descends on `critic_losses`. After every `n_critic` of these the generator descends on
`generator_losses` once. In the critic step the fakes carry no gradient, and in the generator step
the critic is frozen, so each step changes the weights of one network.
"""

from abc import abstractmethod
from typing import ClassVar

import torch
from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from torch import Tensor

from hawc import StandardNormal
from hawc.precision import full_precision
from hawc.targets import AbstractTarget
from lightning_modules.base.alternating import AbstractAlternating, Losses, Network, frozen
from lightning_modules.base.checks import BatchContract, check_at_least_one, check_sizes
from lightning_modules.base.critic_scores import critic_scores
from lightning_modules.base.image_range import from_signed, squashed, to_signed
from lightning_modules.interface import ImageShape, NetworkFactory

__all__ = ["AbstractAdversarial", "Losses"]


class AbstractAdversarial(AbstractAlternating):
    """A generator with the prior N(0, I) and a critic, each with its optimizer.

    Images are in [-1, 1] in both networks and in [0, 1] outside. Table rows are unchanged.

    Args:
        image_shape: of one image (channels, height, width), or of one table row (features,).
        latent_dim: number of latent coordinates, at least 1.
        generator: builds the network from latents to images, unbounded output.
        critic: builds the network from images to one score, a logit in GAN; WGANGP and SNGAN
            refuse a critic with batch norm.
        generator_optimizer: of the generator's parameters.
        critic_optimizer: of the critic's parameters.
        generator_scheduler: of the generator's learning rate, stepped after each generator step.
        critic_scheduler: of the critic's learning rate, stepped after each critic step.
        n_critic: critic steps before each generator step, at least 1.
        generator_batch_size: latents of a generator step in each process, at least 1; as many as
            there are real images in a batch if None.
        max_gradient_norm: bound of each network's gradient before its step, > 0; None: no bound.

    Raises:
        ValueError: if a size or number is out of its range.
        TrainingError: (in a step) if a loss is not finite or a batch breaks `BatchContract`.
    """

    counters: ClassVar[tuple[str, ...]] = (*AbstractAlternating.counters, "critic_steps_in_turn")

    def __init__(
        self,
        image_shape: ImageShape,
        latent_dim: int,
        generator: NetworkFactory,
        critic: NetworkFactory,
        generator_optimizer: OptimizerCallable,
        critic_optimizer: OptimizerCallable,
        generator_scheduler: LRSchedulerCallable | None = None,
        critic_scheduler: LRSchedulerCallable | None = None,
        n_critic: int = 1,
        generator_batch_size: int | None = None,
        max_gradient_norm: float | None = None,
    ) -> None:
        super().__init__(
            generator_optimizer=generator_optimizer,
            critic_optimizer=critic_optimizer,
            generator_scheduler=generator_scheduler,
            critic_scheduler=critic_scheduler,
            max_gradient_norm=max_gradient_norm,
        )
        check_sizes(image_shape, latent_dim)
        check_at_least_one("n_critic", n_critic)
        if generator_batch_size is not None:
            check_at_least_one("generator_batch_size", generator_batch_size)
        self.image_shape = tuple(image_shape)
        self.batch_contract = BatchContract(self.image_shape, type(self).__name__)
        self.latent_dim = latent_dim
        self.generator = generator(self.image_shape, latent_dim)
        self.critic = critic(self.image_shape, 1)
        self.n_critic = n_critic
        self.critic_steps_in_turn = 0  # since the last generator step
        self._generator_batch_size = generator_batch_size

    @abstractmethod
    def critic_losses(self, real: Tensor, fake: Tensor) -> Losses:
        """Returns the critic's "loss" and further terms to log, for images in [-1, 1]."""

    @abstractmethod
    def generator_losses(self, real: Tensor, fake: Tensor) -> Losses:
        """Returns the generator's "loss" and further terms to log, for images in [-1, 1].

        Args:
            real: the batch of the critic step just made, which relativistic losses compare with.
            fake: images of the generator, as many as `generator_batch_size`.
        """

    def critic_steps_due(self, generator_step: int) -> int:
        """Returns the critic steps, a batch each, before a generator step, counted from 0."""
        return self.n_critic

    def batches_until_next(self, network: Network) -> int:
        return 1 if network == "critic" else self.critic_steps_due(self.generator_step + 1)

    @property
    def prior(self) -> AbstractTarget:
        return StandardNormal(self.latent_dim)

    def decode(self, z: Tensor) -> Tensor:
        """Returns images (n, *image_shape) in [0, 1], or table rows, for latents (n, d)."""
        return from_signed(self.generate(z), self.image_shape)

    def generate(self, z: Tensor) -> Tensor:
        """Returns images in [-1, 1], or table rows, for latents (n, d)."""
        return squashed(self.generator(z), self.image_shape)

    def to_network_range(self, images: Tensor) -> Tensor:
        """Maps images from [0, 1] to the networks' [-1, 1]; table rows are unchanged."""
        return to_signed(images, self.image_shape)

    def scores(self, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the critic's outputs on real and fake images in [-1, 1], as float32."""
        return critic_scores(self.critic, real, fake)

    def score(self, images: Tensor) -> Tensor:
        """Returns the critic's outputs on images in [-1, 1], float32 also under autocast."""
        return full_precision(self.critic(images))

    def alternate(self, batch: tuple[Tensor, Tensor]) -> None:
        (images,) = self.batch_contract.examples(batch)
        real = self.to_network_range(images)
        with torch.no_grad(), frozen(self.generator):
            fake = self.generate(self._latents(len(real)))
        self.step_critic(self.critic_losses(real, fake))
        self.critic_steps_in_turn += 1
        if self.critic_steps_in_turn >= self.critic_steps_due(self.generator_step):
            z = self._latents(self._generator_batch_size or len(real))
            with frozen(self.critic):
                self.step_generator(self.generator_losses(real, self.generate(z)))
            self.critic_steps_in_turn = 0

    def _latents(self, n: int) -> Tensor:
        return torch.randn(n, self.latent_dim, device=self.device)
