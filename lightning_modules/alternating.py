"""Steps of a generator and a critic in turn, each with its optimizer.

Lightning's automatic optimization knows one optimizer, so the steps are made by hand here: losses
are checked, one network moves while the other is held still, steps are counted (Lightning's
`global_step` counts those of both together), and everything that a resumed run needs is kept.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from lightning import LightningModule
from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from lightning.pytorch.core.optimizer import LightningOptimizer
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from lightning_modules.finite import check_finite_loss, check_finite_weights
from lightning_modules.hyperparameters import (
    check_at_least_one,
    keep_configured_settings,
    make_scheduler,
)
from lightning_modules.step_log import log_step
from lightning_modules.step_seed import seed_step

__all__ = ["AbstractAlternating", "Losses", "held_still"]

Losses = Mapping[str, Tensor]
"""Scalars by name; "loss" is the one to minimise, all are logged."""


class _Settings(NamedTuple):
    """Of one network's optimization."""

    optimizer: OptimizerCallable
    scheduler: LRSchedulerCallable | None


class AbstractAlternating(LightningModule, ABC):
    """Trains `self.critic` and `self.generator`, which a subclass sets, in turn.

    A batch is one `play`: a subclass decides there which of `step_critic` and `step_generator` are
    due. Logs train/critic_loss, train/generator_loss, every other term of the losses by its name,
    and the number of steps of either network, to be the x-axis of a plot.

    Args:
        generator_optimizer: of the generator's parameters.
        critic_optimizer: of the critic's parameters.
        generator_scheduler: of the generator's learning rate, stepped after each generator step.
        critic_scheduler: of the critic's learning rate, stepped after each critic step.
        n_critic: critic steps before each generator step, at least 1.
        max_gradient_norm: to which each network's gradient is scaled down before its step, in the
            2-norm, > 0; None leaves gradients as they are.

    Raises:
        ValueError: if `n_critic` < 1 or `max_gradient_norm` <= 0.
        TrainingError: (in a step) if a loss is not finite.
    """

    generator: nn.Module
    critic: nn.Module

    def __init__(
        self,
        generator_optimizer: OptimizerCallable,
        critic_optimizer: OptimizerCallable,
        generator_scheduler: LRSchedulerCallable | None,
        critic_scheduler: LRSchedulerCallable | None,
        n_critic: int,
        max_gradient_norm: float | None,
    ) -> None:
        super().__init__()
        check_at_least_one("n_critic", n_critic)
        if max_gradient_norm is not None and not max_gradient_norm > 0:
            raise ValueError(
                f"`max_gradient_norm` must be > 0, or null for none, got {max_gradient_norm}."
            )
        self.automatic_optimization = False
        self.n_critic = n_critic
        self._max_gradient_norm = max_gradient_norm
        self._critic_settings = _Settings(critic_optimizer, critic_scheduler)
        self._generator_settings = _Settings(generator_optimizer, generator_scheduler)
        self.batch_count = 0
        self.critic_step = 0
        self.generator_step = 0
        self.critic_steps_in_turn = 0  # since the last generator step

    @abstractmethod
    def play(self, batch: Any) -> None:
        """Makes the steps that are due with one batch, by `step_critic` and `step_generator`."""

    def critic_steps_due(self) -> int:
        """Returns the critic steps that the coming generator step waits for, at least 1."""
        return self.n_critic

    def constrain_critic(self) -> None:
        """Brings the critic's weights back into their set after its step, in place."""

    def training_step(self, batch: Any, batch_idx: int) -> None:
        seed_step((self.batch_count,), self.global_rank)
        self.play(batch)
        self.batch_count += 1

    def step_critic(self, losses: Losses, lasting: int = 1) -> None:
        """Moves the critic down losses in which the generator has no part.

        Args:
            losses: of this step.
            lasting: batches until the next critic step, this one included.
        """
        critic_optimizer, _ = self._optimizer_pair()
        self._descend(losses, critic_optimizer, self._schedulers()[0])
        self.constrain_critic()
        self.critic_step += 1
        self.critic_steps_in_turn += 1
        self._log("critic", losses, self.critic_step, lasting)

    def step_generator(self, losses: Losses, lasting: int | None = None) -> None:
        """Moves the generator down losses made while the critic was `held_still`.

        Args:
            losses: of this step.
            lasting: batches until the next generator step, this one included; as many as critic
                steps are due if None.
        """
        _, generator_optimizer = self._optimizer_pair()
        self._descend(losses, generator_optimizer, self._schedulers()[1])
        self.generator_step += 1
        self.critic_steps_in_turn = 0
        self._log("generator", losses, self.generator_step, lasting or self.critic_steps_due())

    def configure_optimizers(self) -> OptimizerLRScheduler:
        optimizers = self._make_optimizers()
        schedulers = [
            make_scheduler(settings.scheduler, optimizer)
            for settings, optimizer in zip(self._settings(), optimizers, strict=True)
            if settings.scheduler is not None
        ]
        return list(optimizers), schedulers

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        if self._max_gradient_norm is not None:
            self.clip_gradients(optimizer, self._max_gradient_norm, "norm")

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        check_finite_weights(checkpoint, f"generator step {self.generator_step}")
        checkpoint["alternating_steps"] = {name: getattr(self, name) for name in _COUNTERS}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        for name in _COUNTERS:
            setattr(self, name, checkpoint["alternating_steps"][name])
        scheduled = [settings.scheduler is not None for settings in self._settings()]
        keep_configured_settings(checkpoint, self._make_optimizers(), any(scheduled))

    def _settings(self) -> tuple[_Settings, _Settings]:
        return self._critic_settings, self._generator_settings

    def _make_optimizers(self) -> tuple[Optimizer, Optimizer]:
        return (
            self._critic_settings.optimizer(self.critic.parameters()),
            self._generator_settings.optimizer(self.generator.parameters()),
        )

    def _optimizer_pair(self) -> tuple[LightningOptimizer, LightningOptimizer]:
        critic_optimizer, generator_optimizer = self.optimizers()  # type: ignore[misc]
        return critic_optimizer, generator_optimizer

    def _schedulers(self) -> tuple[LRScheduler | None, LRScheduler | None]:
        found = self.lr_schedulers()
        present = iter(found if isinstance(found, list) else [found])
        critic, generator = (
            next(present) if settings.scheduler is not None else None
            for settings in self._settings()
        )
        return critic, generator  # type: ignore[return-value]

    def _descend(
        self, losses: Losses, optimizer: LightningOptimizer, scheduler: LRScheduler | None
    ) -> None:
        check_finite_loss(
            losses, f"critic step {self.critic_step} and generator step {self.generator_step}"
        )
        optimizer.zero_grad()
        self.manual_backward(losses["loss"])
        optimizer.step()
        if scheduler is not None:
            scheduler.step()

    def _log(self, network: str, losses: Losses, step: int, lasting: int) -> None:
        terms = {name: value for name, value in losses.items() if name != "loss"}
        own = {f"{network}_loss": losses["loss"], f"{network}_step": float(step)}
        log_step(self, {**own, **terms}, self.batch_count, lasting)


_COUNTERS = ("batch_count", "critic_step", "generator_step", "critic_steps_in_turn")


@contextmanager
def held_still(network: nn.Module) -> Iterator[None]:
    """Lets gradients pass through a network but not into its weights.

    Spectral norms make no power iteration meanwhile, so that using a network does not change it.
    """
    weights = [parameter for parameter in network.parameters() if parameter.requires_grad]
    iterated = [m.parametrizations for m in network.modules() if parametrize.is_parametrized(m)]
    training = [module for found in iterated for module in found.modules() if module.training]
    for weight in weights:
        weight.requires_grad_(False)
    for module in training:
        module.training = False
    try:
        yield
    finally:
        for weight in weights:
            weight.requires_grad_(True)
        for module in training:
            module.training = True
