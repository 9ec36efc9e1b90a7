"""An optimizer with its schedule, and which of its settings a resumed run takes from where.

Moments come from the checkpoint, settings from the configuration: a learning rate given on the
command line would be ignored otherwise, without a word. Not so what a scheduler moves: a schedule
goes on where the checkpoint left it, and what is configured otherwise is told of.
"""

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import torch
from lightning import LightningModule
from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from lightning.pytorch.utilities import rank_zero_warn
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from lightning_modules.base.errors import TrainingError
from lightning_modules.base.optimizers import NamedDefault, named
from lightning_modules.base.runtime import stop_driver_checks

__all__ = ["Optimization", "as_list", "configured", "note_classes", "resume"]

_SCHEDULED = ("lr", "betas", "momentum")  # what PyTorch's schedulers move, OneCycleLR the last two
_NOTE = "optimization_classes"  # of a checkpoint: for each optimizer its kind and its scheduler's


@final
@dataclass(frozen=True)
class Optimization:
    """How some weights are moved.

    Args:
        optimizer: of the weights.
        scheduler: of the optimizer's learning rate; none if None.
        prefix: of the arguments "optimizer" and "scheduler" among a module's hyperparameters.
    """

    optimizer: OptimizerCallable
    scheduler: LRSchedulerCallable | None
    prefix: str = ""

    def __reduce__(self) -> tuple[Any, ...]:
        return _optimization, (named(self.optimizer), named(self.scheduler), self.prefix)

    def make(self, weights: Iterable[nn.Parameter]) -> tuple[Optimizer, LRScheduler | None]:
        """Returns the optimizer and its scheduler, if it has one.

        Raises:
            ValueError: if the scheduler needs a metric or cannot make a step.
        """
        weights = list(weights)
        optimizer = self.optimizer(weights)
        if self.scheduler is None:
            return optimizer, None
        self._try_a_step(self.scheduler, weights)
        scheduler = self.scheduler(optimizer)
        if isinstance(scheduler, ReduceLROnPlateau):
            raise ValueError(
                f"`{self.prefix}scheduler` must depend on the number of its steps alone, got "
                "ReduceLROnPlateau, which waits for a metric; choose another, e.g. "
                "torch.optim.lr_scheduler.MultiStepLR."
            )
        return optimizer, scheduler

    def _try_a_step(self, make: LRSchedulerCallable, weights: Sequence[nn.Parameter]) -> None:
        """Raises ValueError if a scheduler fails at once; it steps for weights of its own."""
        # of the same shapes, which optimizers and their groups depend on, but of one number each
        alike = [nn.Parameter(w.new_zeros(()).expand(w.shape), w.requires_grad) for w in weights]
        optimizer = self.optimizer(alike)
        try:
            with warnings.catch_warnings(action="ignore"):  # its optimizer has made no step
                scheduler = make(optimizer)
                if not isinstance(scheduler, ReduceLROnPlateau):  # it would need a metric
                    scheduler.step()
        except (ArithmeticError, TypeError, ValueError) as error:
            raise ValueError(
                f"`{self.prefix}scheduler` must have settings with which it can make a step, got "
                f"some with which it fails: {error}; correct them."
            ) from error


def _optimization(*parts: Any) -> Optimization:
    return Optimization(*(p.value() if isinstance(p, NamedDefault) else p for p in parts))


Made = Sequence[tuple[Optimizer, LRScheduler | None]]


def configured(made: Made) -> OptimizerLRScheduler:
    """Returns optimizers and schedulers as Lightning wants them of `configure_optimizers`.

    From then on optimizers no longer look for a GPU that is not there.
    """
    stop_driver_checks()
    return [optimizer for optimizer, _ in made], [s for _, s in made if s is not None]


def note_classes(checkpoint: dict[str, Any], module: LightningModule) -> None:
    """Notes in a checkpoint what kind each optimizer and its scheduler are, for `resume`."""
    schedulers = as_list(module.lr_schedulers())
    checkpoint[_NOTE] = [
        (_kind(optimizer), _class_of([s for s in schedulers if s.optimizer is optimizer]))
        for optimizer in as_list(module.optimizers(use_pl_optimizer=False))
    ]


def resume(
    checkpoint: dict[str, Any],
    optimizations: Sequence[Optimization],
    made: Made,
    hyperparameters: Mapping[str, Any],
) -> None:
    """Makes the optimizers' and schedulers' states in a checkpoint those to resume with.

    A scheduler that the checkpoint has not, or has of another class, starts anew. Warns in one line
    of configured settings that a schedule makes of no effect.

    Args:
        checkpoint: changed in place.
        optimizations: as configured.
        made: by `optimizations`, anew.
        hyperparameters: of the configured module; of what a module built in Python was given as
            optimizer or scheduler nothing is known, so nothing is said of it.

    Raises:
        TrainingError: if an optimizer is of another kind than the checkpoint's.
    """
    saved = checkpoint.get("hyper_parameters", {})
    schedules, ignored = [], []
    found = zip(optimizations, made, _saved_states(checkpoint), strict=True)
    for optimization, (optimizer, scheduler), (state, kind, schedule, name) in found:
        _check_kind(optimization.prefix, optimizer, kind)
        goes_on = scheduler is not None and _class_of([scheduler]) == name
        if goes_on:
            ignored += _ignored_settings(optimization.prefix, saved, hyperparameters)
            schedules.append(schedule)
        elif scheduler is not None:
            schedules.append(scheduler.state_dict())
        _keep_configured_settings(state, optimizer, goes_on)
        _lay_out_like_weights(state, optimizer)
    checkpoint["lr_schedulers"] = schedules
    if ignored:
        rank_zero_warn(
            "a resumed run goes on with the schedule of its checkpoint: "
            f"{', '.join(ignored)}; resume without scheduler to change the rate."
        )


def as_list(found: Any) -> list[Any]:
    """Returns what Lightning gives as a list, as one thing or, if there is none, as None."""
    return found if isinstance(found, list) else [found] if found is not None else []


def _saved_states(
    checkpoint: Mapping[str, Any],
) -> Iterator[tuple[dict[str, Any], str | None, Any, str | None]]:
    """Yields of each optimizer its state and kind, of its scheduler, if any, state and class."""
    states, schedules = checkpoint["optimizer_states"], iter(checkpoint["lr_schedulers"])
    # a checkpoint that says nothing, since other code wrote it, has nothing to go on with
    for state, (kind, name) in zip(
        states, checkpoint.get(_NOTE, [(None, None)] * len(states)), strict=True
    ):
        yield state, kind, next(schedules) if name is not None else None, name


def _kind(optimizer: Optimizer) -> str:
    # the class that defines the step, since subclasses with other arguments have the same state
    return type(optimizer).step.__qualname__.partition(".")[0]


def _class_of(schedulers: Sequence[LRScheduler]) -> str | None:
    return type(schedulers[0]).__qualname__ if schedulers else None


def _check_kind(prefix: str, optimizer: Optimizer, saved: str | None) -> None:
    if saved not in (None, _kind(optimizer)):
        raise TrainingError(
            f"`{prefix}optimizer` must be of the checkpoint's kind to go on with its moments, "
            f"{saved}, got {type(optimizer).__name__}; name a {saved} or start a new run."
        )


def _keep_configured_settings(state: dict[str, Any], optimizer: Optimizer, goes_on: bool) -> None:
    # schedulers keep settings of their own in the groups, which go on with them
    settings = optimizer.defaults.keys() - _SCHEDULED if goes_on else None
    for saved, given in zip(state["param_groups"], optimizer.param_groups, strict=False):
        names = (given.keys() if settings is None else settings) - {"params"}
        saved.update({name: given[name] for name in names})


def _lay_out_like_weights(state: dict[str, Any], optimizer: Optimizer) -> None:
    # a fused Adam reads moments in the order of the weight's memory, whatever theirs is
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    for place, weight in enumerate(weights):
        moments = state["state"].get(place, {})
        for name, value in moments.items():
            if isinstance(value, Tensor) and value.shape == weight.shape:
                like = torch.empty_like(weight, dtype=value.dtype, device=value.device)
                moments[name] = like.copy_(value)


def _ignored_settings(
    prefix: str, saved: Mapping[str, Any], given: Mapping[str, Any]
) -> Iterator[str]:
    for name, scheduled in ((f"{prefix}optimizer", _SCHEDULED), (f"{prefix}scheduler", None)):
        if not (saved.get(name) and given.get(name)):
            continue  # built in Python, which nothing is known of
        was, now = (h[name].get("init_args") or {} for h in (saved, given))
        for key in sorted(was.keys() & now.keys()) if scheduled is None else scheduled:
            if was.get(key) != now.get(key):
                yield f"{name}.{key} stays {was.get(key)} ({now.get(key)} was given)"
