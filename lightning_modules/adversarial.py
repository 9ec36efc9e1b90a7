"""The alternating training step of every generator and critic.

A batch of real pictures serves one critic step; after every `n_critic` of them the generator makes
one step against the critic as it then is. In the critic step the fakes carry no gradient, in the
generator step the critic's weights are frozen, so each step changes the weights of one network.
"""

from abc import ABC, abstractmethod
from typing import Any

import torch
from lightning import LightningModule
from lightning.pytorch.cli import OptimizerCallable
from lightning.pytorch.core.optimizer import LightningOptimizer
from torch import Tensor
from torch.optim import Optimizer

from hawc import AbstractTarget, StandardNormal
from lightning_modules.driver_check import stop_driver_checks
from lightning_modules.hyperparameters import (
    check_sizes,
    forget_callables,
    keep_configured_settings,
)
from lightning_modules.interface import ImageShape, NetworkFactory
from lightning_modules.step_log import log_step
from lightning_modules.step_seed import seed_step

__all__ = ["AbstractAdversarial"]


class AbstractAdversarial(LightningModule, ABC):
    """A generator fed with N(0, I) and a critic, each with its optimizer.

    Networks see pictures in [-1, 1]; outside they are in [0, 1]. Steps are counted here, since
    Lightning's global_step counts the steps of both optimizers together.

    Args:
        image_shape: of one picture, without the batch.
        latent_dim: number of latent coordinates, at least 1.
        generator: builds the network from latents to pictures, unbounded output.
        critic: builds the network from pictures to one score.
        generator_optimizer: of the generator's parameters.
        critic_optimizer: of the critic's parameters.
        n_critic: critic steps before each generator step, at least 1.

    Raises:
        ValueError: if a size is not positive or `n_critic` < 1.
    """

    def __init__(
        self,
        image_shape: ImageShape,
        latent_dim: int,
        generator: NetworkFactory,
        critic: NetworkFactory,
        generator_optimizer: OptimizerCallable,
        critic_optimizer: OptimizerCallable,
        n_critic: int,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        forget_callables(self)
        check_sizes(image_shape, latent_dim)
        if n_critic < 1:
            raise ValueError(f"`n_critic` must be at least 1, got {n_critic}.")
        self.automatic_optimization = False
        self.latent_dim = latent_dim
        self.n_critic = n_critic
        self.generator = generator(tuple(image_shape), latent_dim)
        self.critic = critic(tuple(image_shape), 1)
        self._make_generator_optimizer = generator_optimizer
        self._make_critic_optimizer = critic_optimizer
        self.critic_step = 0
        self.generator_step = 0

    @abstractmethod
    def critic_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        """Returns the critic's scalar loss on pictures in [-1, 1]."""

    @abstractmethod
    def generator_loss(self, fake: Tensor) -> Tensor:
        """Returns the generator's scalar loss on its pictures in [-1, 1]."""

    @abstractmethod
    def constrain_critic(self) -> None:
        """Brings the critic's weights back into their set after its step, in place."""

    @property
    def latent_target(self) -> AbstractTarget:
        return StandardNormal(self.latent_dim)

    def decode(self, z: Tensor) -> Tensor:
        return (self.generate(z) + 1) / 2

    def generate(self, z: Tensor) -> Tensor:
        """Returns pictures in [-1, 1] of latents (n, d)."""
        return self.generator(z).tanh()

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        seed_step((self.critic_step,), self.global_rank)
        critic_optimizer, generator_optimizer = self._optimizer_pair()
        real = batch[0] * 2 - 1
        self._step_critic(critic_optimizer, real)
        if self.critic_step % self.n_critic == 0:
            self._step_generator(generator_optimizer, len(real))

    def configure_optimizers(self) -> tuple[Optimizer, Optimizer]:
        stop_driver_checks()
        return (
            self._make_critic_optimizer(self.critic.parameters()),
            self._make_generator_optimizer(self.generator.parameters()),
        )

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["adversarial_steps"] = (self.critic_step, self.generator_step)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.critic_step, self.generator_step = checkpoint["adversarial_steps"]
        keep_configured_settings(checkpoint, self.configure_optimizers())

    def _step_critic(self, optimizer: LightningOptimizer, real: Tensor) -> None:
        with torch.no_grad():
            fake = self.generate(self._latents(len(real)))
        self.toggle_optimizer(optimizer)
        loss = self.critic_loss(real, fake)
        self._descend(optimizer, loss)
        self.constrain_critic()
        self.untoggle_optimizer(optimizer)
        values = {"critic_loss": loss, "critic_step": self.critic_step + 1.0}
        log_step(self, values, self.critic_step)
        self.critic_step += 1

    def _step_generator(self, optimizer: LightningOptimizer, num_images: int) -> None:
        self.toggle_optimizer(optimizer)
        loss = self.generator_loss(self.generate(self._latents(num_images)))
        self._descend(optimizer, loss)
        self.untoggle_optimizer(optimizer)
        self.generator_step += 1
        values = {"generator_loss": loss, "generator_step": float(self.generator_step)}
        log_step(self, values, self.critic_step - 1, lasting=self.n_critic)

    def _latents(self, n: int) -> Tensor:
        return torch.randn(n, self.latent_dim, device=self.device)

    def _descend(self, optimizer: LightningOptimizer, loss: Tensor) -> None:
        optimizer.zero_grad()
        self.manual_backward(loss)
        optimizer.step()

    def _optimizer_pair(self) -> tuple[LightningOptimizer, LightningOptimizer]:
        critic_optimizer, generator_optimizer = self.optimizers()  # type: ignore[misc]
        return critic_optimizer, generator_optimizer
