"""Alternating steps of a generator and a critic, each with its optimizer.

Lightning's automatic optimization supports one optimizer, so this class makes the steps itself. It
checks losses, counts the steps of each network and saves all that a resumed run needs. Lightning's
`global_step` counts the steps of both together.
"""

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, Literal

from lightning import LightningModule
from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from lightning.pytorch.core.optimizer import LightningOptimizer
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from lightning_modules.base.checkpoints import forget_class_path
from lightning_modules.base.checks import forget_callables
from lightning_modules.base.errors import TrainingError
from lightning_modules.base.finite import LossWatch, check_finite_weights
from lightning_modules.base.optimization import (
    Optimization,
    as_list,
    configured,
    note_classes,
    resume,
)
from lightning_modules.base.runtime import AbstractPlainAttributes, is_fitting, is_logged, loggable
from lightning_modules.base.step_seed import seed_step

__all__ = ["AbstractAlternating", "Losses", "Network", "frozen"]

Losses = Mapping[str, Tensor]
"""Terms by name: "loss" is the scalar to minimise; of the others the mean is logged."""

Network = Literal["critic", "generator"]


class AbstractAlternating(AbstractPlainAttributes, LightningModule):
    """Trains `self.critic` and `self.generator`, which a subclass sets, alternately.

    For each batch a subclass's `alternate` calls `step_critic` or `step_generator` or both. Logs
    train/critic_loss, train/generator_loss, every other term of the losses by its name, and the
    step count of each network as an x-axis for plots.

    Args:
        generator_optimizer: of the generator's parameters.
        critic_optimizer: of the critic's parameters.
        generator_scheduler: of the generator's learning rate, stepped after each generator step.
        critic_scheduler: of the critic's learning rate, stepped after each critic step.
        max_gradient_norm: bound of the 2-norm of each network's gradient, > 0; larger gradients are
            scaled down before the step. None: no bound.

    Raises:
        ValueError: if `max_gradient_norm` <= 0.
        TrainingError: (in a step) if a loss is not finite.
    """

    counters: ClassVar[tuple[str, ...]] = ("batch_count", "critic_step", "generator_step")
    """Attributes that determine the next step, saved in checkpoints. Subclasses may add some."""

    generator: nn.Module
    critic: nn.Module

    def __init__(
        self,
        generator_optimizer: OptimizerCallable,
        critic_optimizer: OptimizerCallable,
        generator_scheduler: LRSchedulerCallable | None = None,
        critic_scheduler: LRSchedulerCallable | None = None,
        max_gradient_norm: float | None = None,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()  # of all subclasses' constructors
        forget_callables(self)
        if max_gradient_norm is not None and not max_gradient_norm > 0:
            raise ValueError(
                f"`max_gradient_norm` must be > 0, or null for none, got {max_gradient_norm}."
            )
        self.automatic_optimization = False
        self._max_gradient_norm = max_gradient_norm
        self._optimizations = (
            Optimization(critic_optimizer, critic_scheduler, "critic_"),
            Optimization(generator_optimizer, generator_scheduler, "generator_"),
        )
        self._loss_watch = LossWatch()
        self.batch_count = 0
        self.critic_step = 0
        self.generator_step = 0

    @abstractmethod
    def alternate(self, batch: Any) -> None:
        """Makes the steps due with one batch, by `step_critic` and `step_generator`."""

    @abstractmethod
    def batches_until_next(self, network: Network) -> int:
        """Returns the number of batches until this network's next step, at least 1.

        Called during a step, before it is counted; the present batch is the first.
        """

    def is_step_logged(self, network: Network) -> bool:
        """Returns whether a logger reads the values of the network's present step."""
        return is_logged(self.trainer, self.batch_count, self.batches_until_next(network))

    def constrain_critic(self) -> None:
        """Projects the critic's weights onto their permitted set after its step, in place."""

    def training_step(self, batch: Any, batch_idx: int) -> None:
        seed_step((self.batch_count,), self.global_rank)
        self.alternate(batch)
        self.batch_count += 1

    def step_critic(self, losses: Losses) -> None:
        """Makes a step of the critic on losses without a graph to the generator."""
        is_logged = self.is_step_logged("critic")
        self._descend("critic", losses, is_logged)
        self.constrain_critic()
        if is_logged:
            self._log("critic", losses, self.critic_step + 1)
        self.critic_step += 1

    def step_generator(self, losses: Losses) -> None:
        """Makes a step of the generator on losses computed while the critic was `frozen`."""
        is_logged = self.is_step_logged("generator")
        self._descend("generator", losses, is_logged)
        if is_logged:
            self._log("generator", losses, self.generator_step + 1)
        self.generator_step += 1

    def configure_optimizers(self) -> OptimizerLRScheduler:
        return configured(self._make_optimizers())

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        if self._max_gradient_norm is not None:
            bound = self._max_gradient_norm * self.gradient_scale(optimizer)
            # self.clip_gradients refuses fused optimizers in any mixed precision
            self.trainer.precision_plugin.clip_grad_by_norm(optimizer, bound)

    def gradient_scale(self, optimizer: Optimizer) -> float:
        """Returns the factor by which an optimizer's gradients are scaled before its step.

        It is 1 unless a mixed precision scales losses and the optimizer is fused: a fused one
        removes the scale within its step.
        """
        scaler = getattr(self.trainer.precision_plugin, "scaler", None)
        fused = any(group.get("fused") for group in optimizer.param_groups)
        return float(scaler.get_scale()) if scaler is not None and fused else 1.0

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self._loss_watch.check(self._steps_so_far())
        check_finite_weights(checkpoint, f"generator step {self.generator_step}")
        note_classes(checkpoint, self)
        forget_class_path(checkpoint)
        checkpoint["alternating_steps"] = {name: getattr(self, name) for name in self.counters}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        steps = checkpoint.get("alternating_steps")
        if steps is None:
            raise TrainingError(
                f"a checkpoint of {type(self).__name__} must hold the steps of its two networks, "
                "got one without; configure the model that wrote it."
            )
        for name in self.counters:
            setattr(self, name, steps[name])
        if is_fitting(self):
            resume(checkpoint, self._optimizations, self._make_optimizers(), self.hparams)

    def _make_optimizers(self) -> list[tuple[Optimizer, LRScheduler | None]]:
        pairs = zip(self._optimizations, (self.critic, self.generator), strict=True)
        return [optimization.make(network.parameters()) for optimization, network in pairs]

    def _descend(self, network: Network, losses: Losses, is_logged: bool) -> None:
        """Makes a step of a network's optimizer."""
        self._loss_watch.inspect(losses, self._steps_so_far(), is_logged=is_logged)
        place = ("critic", "generator").index(network)
        optimizer: LightningOptimizer = self.optimizers()[place]  # type: ignore[index]
        optimizer.zero_grad()
        self.manual_backward(losses["loss"])
        optimizer.step()
        if self._optimizations[place].scheduler is not None:
            schedulers = as_list(self.lr_schedulers())
            schedulers[place if len(schedulers) > 1 else 0].step()

    def _steps_so_far(self) -> str:
        return f"critic step {self.critic_step} and generator step {self.generator_step}"

    def _log(self, network: Network, losses: Losses, step: int) -> None:
        terms = {name: loggable(value) for name, value in losses.items() if name != "loss"}
        main = {f"{network}_loss": losses["loss"], f"{network}_step": float(step)}
        self.log_dict({f"train/{name}": value for name, value in {**main, **terms}.items()})


@contextmanager
def frozen(network: nn.Module) -> Iterator[None]:
    """Freezes a network: gradients pass through it but not into its weights.

    Forward passes do not change its buffers either: spectral norms make no power iteration, and
    batch norms normalize by the batch without updating their running statistics.
    """
    modules = list(network.modules())
    weights = [weight for weight in network.parameters() if weight.requires_grad]
    parametrizations = [m.parametrizations for m in modules if parametrize.is_parametrized(m)]
    training = [module for p in parametrizations for module in p.modules() if module.training]
    tracking = [m for m in modules if getattr(m, "track_running_stats", False)]
    _set(weights, "requires_grad", False)
    _set(training, "training", False)
    _set(tracking, "track_running_stats", False)
    try:
        yield
    finally:
        _set(weights, "requires_grad", True)
        _set(training, "training", True)
        _set(tracking, "track_running_stats", True)


def _set(owners: Iterable[object], name: str, value: bool) -> None:
    for owner in owners:
        setattr(owner, name, value)
