"""Steps of a generator and a critic in turn, each with its optimizer.

Lightning's automatic optimization knows one optimizer, so the steps are made by hand here: losses
are checked, one network moves while the other is frozen, steps are counted (Lightning's
`global_step` counts those of both together), and everything that a resumed run needs is kept.
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

from lightning_modules.base.errors import TrainingError
from lightning_modules.base.finite import LossWatch, check_finite_weights
from lightning_modules.base.optimization import (
    Optimization,
    as_list,
    configured,
    note_classes,
    resume,
)
from lightning_modules.base.runtime import AbstractPlainAttributes, is_fitting, is_read, loggable
from lightning_modules.base.step_seed import seed_step

__all__ = ["AbstractAlternating", "Losses", "Network", "frozen"]

Losses = Mapping[str, Tensor]
"""By name; "loss" is the scalar to minimise, of the others the mean is logged, when it is read."""

Network = Literal["critic", "generator"]


class AbstractAlternating(AbstractPlainAttributes, LightningModule):
    """Trains `self.critic` and `self.generator`, which a subclass sets, in turn.

    A batch is one `play`: a subclass decides there which of `step_critic` and `step_generator` are
    due. Logs train/critic_loss, train/generator_loss, every other term of the losses by its name,
    and the number of steps of either network, to be the x-axis of a plot.

    Args:
        generator_optimizer: of the generator's parameters.
        critic_optimizer: of the critic's parameters.
        generator_scheduler: of the generator's learning rate, stepped after each generator step.
        critic_scheduler: of the critic's learning rate, stepped after each critic step.
        max_gradient_norm: to which each network's gradient is scaled down before its step, in the
            2-norm, > 0; None leaves gradients as they are.

    Raises:
        ValueError: if `max_gradient_norm` <= 0.
        TrainingError: (in a step) if a loss is not finite.
    """

    counters: ClassVar[tuple[str, ...]] = ("batch_count", "critic_step", "generator_step")
    """Attributes that say whose turn it is; checkpoints hold them. A subclass adds its own."""

    generator: nn.Module
    critic: nn.Module

    def __init__(
        self,
        generator_optimizer: OptimizerCallable,
        critic_optimizer: OptimizerCallable,
        generator_scheduler: LRSchedulerCallable | None,
        critic_scheduler: LRSchedulerCallable | None,
        max_gradient_norm: float | None,
    ) -> None:
        super().__init__()
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
        """Makes the steps that are due with one batch, by `step_critic` and `step_generator`."""

    @abstractmethod
    def batches_until_next(self, network: Network) -> int:
        """Returns for how many batches losses of a step now made stay the newest, at least 1.

        Asked while the network moves, before its step is counted; the present batch is the first.
        """

    def is_step_logged(self, network: Network) -> bool:
        """Returns whether somebody will see what is logged of the step that a network makes now."""
        return is_read(self.trainer, self.batch_count, self.batches_until_next(network))

    def constrain_critic(self) -> None:
        """Brings the critic's weights back into their set after its step, in place."""

    def training_step(self, batch: Any, batch_idx: int) -> None:
        seed_step((self.batch_count,), self.global_rank)
        self.alternate(batch)
        self.batch_count += 1

    def step_critic(self, losses: Losses) -> None:
        """Moves the critic down losses in which the generator has no part."""
        is_read = self.is_step_logged("critic")
        self._descend("critic", losses, is_read)
        self.constrain_critic()
        if is_read:
            self._log("critic", losses, self.critic_step + 1)
        self.critic_step += 1

    def step_generator(self, losses: Losses) -> None:
        """Moves the generator down losses made while the critic was `frozen`."""
        is_read = self.is_step_logged("generator")
        self._descend("generator", losses, is_read)
        if is_read:
            self._log("generator", losses, self.generator_step + 1)
        self.generator_step += 1

    def configure_optimizers(self) -> OptimizerLRScheduler:
        return configured(self._make_optimizers())

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        if self._max_gradient_norm is not None:
            bound = self._max_gradient_norm * self.gradient_scale(optimizer)
            # not self.clip_gradients, which refuses fused optimizers in any mixed precision
            self.trainer.precision_plugin.clip_grad_by_norm(optimizer, bound)

    def gradient_scale(self, optimizer: Optimizer) -> float:
        """Returns by what factor an optimizer's gradients are too large before its step.

        It is 1 unless a precision scales losses and the optimizer is fused, for such a one undoes
        the scale itself, within its step.
        """
        scaler = getattr(self.trainer.precision_plugin, "scaler", None)
        fused = any(group.get("fused") for group in optimizer.param_groups)
        return float(scaler.get_scale()) if scaler is not None and fused else 1.0

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self._loss_watch.check(self._steps_so_far())
        check_finite_weights(checkpoint, f"generator step {self.generator_step}")
        note_classes(checkpoint, self)
        checkpoint["alternating_steps"] = {name: getattr(self, name) for name in self.counters}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        steps = checkpoint.get("alternating_steps")
        if steps is None:
            raise TrainingError(
                f"a checkpoint of {type(self).__name__} must hold the steps of its two networks, "
                "got one without; it is another model's, so name the model it was written by."
            )
        for name in self.counters:
            setattr(self, name, steps[name])
        if is_fitting(self):
            resume(checkpoint, self._optimizations, self._make_optimizers(), self.hparams)

    def _make_optimizers(self) -> list[tuple[Optimizer, LRScheduler | None]]:
        pairs = zip(self._optimizations, (self.critic, self.generator), strict=True)
        return [optimization.make(network.parameters()) for optimization, network in pairs]

    def _descend(self, network: Network, losses: Losses, is_read: bool) -> None:
        """Makes a step of a network's optimizer."""
        self._loss_watch.look(losses, self._steps_so_far(), is_read=is_read)
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
        own = {f"{network}_loss": losses["loss"], f"{network}_step": float(step)}
        self.log_dict({f"train/{name}": value for name, value in {**own, **terms}.items()})


@contextmanager
def frozen(network: nn.Module) -> Iterator[None]:
    """Lets gradients pass through a network but not into its weights.

    Nor does using it change it otherwise: spectral norms make no power iteration, and batch norms,
    which still normalise by the batch, keep their running statistics.
    """
    modules = list(network.modules())
    weights = [weight for weight in network.parameters() if weight.requires_grad]
    iterated = [m.parametrizations for m in modules if parametrize.is_parametrized(m)]
    training = [module for found in iterated for module in found.modules() if module.training]
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
