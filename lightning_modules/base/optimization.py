"""An optimizer with its schedule, and their exact resume.

A resumed run takes the moments from the checkpoint and the settings from the configuration, so that
a new learning rate has an effect. Settings that a scheduler changes are the exception: the schedule
continues from the checkpoint, and a warning names different settings of the configuration.
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

__all__ = ["Optimization", "as_list", "check_notes", "configured", "note_classes", "resume"]

_SCHEDULED = ("lr", "betas", "momentum")  # changed by schedulers, the last two by OneCycleLR
_NOTE = "optimization_classes"  # key in checkpoints: the kinds of optimizers and schedulers


@final
@dataclass(frozen=True)
class Optimization:
    """An optimizer and its scheduler, as configured.

    Args:
        optimizer: of the weights.
        scheduler: of the optimizer's learning rate; None: a constant rate.
        prefix: of the arguments "optimizer" and "scheduler" among a module's hyperparameters.
    """

    optimizer: OptimizerCallable
    scheduler: LRSchedulerCallable | None
    prefix: str = ""

    def __reduce__(self) -> tuple[Any, ...]:
        return _optimization, (named(self.optimizer), named(self.scheduler), self.prefix)

    def make(self, weights: Iterable[nn.Parameter]) -> tuple[Optimizer, LRScheduler | None]:
        """Returns the optimizer and its scheduler or None.

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
        """Raises ValueError if a scheduler cannot make a step."""
        # optimizers may depend on shapes; an expanded zero has the memory of one number
        substitutes = [
            nn.Parameter(w.new_zeros(()).expand(w.shape), w.requires_grad) for w in weights
        ]
        optimizer = self.optimizer(substitutes)
        try:
            with warnings.catch_warnings(action="ignore"):  # its optimizer has made no step
                scheduler = make(optimizer)
                if not isinstance(scheduler, ReduceLROnPlateau):  # it needs a metric
                    scheduler.step()
        except (ArithmeticError, TypeError, ValueError) as error:
            raise ValueError(
                f"`{self.prefix}scheduler` must have settings with which it can make a step, got "
                f"some with which it fails: {error}; correct them."
            ) from error


def _optimization(*parts: Any) -> Optimization:
    return Optimization(*(p.value() if isinstance(p, NamedDefault) else p for p in parts))


Pairs = Sequence[tuple[Optimizer, LRScheduler | None]]


def configured(pairs: Pairs) -> OptimizerLRScheduler:
    """Returns optimizers and schedulers in the form of `configure_optimizers`."""
    stop_driver_checks()
    return [optimizer for optimizer, _ in pairs], [s for _, s in pairs if s is not None]


def note_classes(checkpoint: dict[str, Any], module: LightningModule) -> None:
    """Writes the kind of each optimizer and scheduler to a checkpoint, for `resume`."""
    schedulers = as_list(module.lr_schedulers())
    checkpoint[_NOTE] = [
        (_kind(optimizer), _class_of([s for s in schedulers if s.optimizer is optimizer]))
        for optimizer in as_list(module.optimizers(use_pl_optimizer=False))
    ]


def resume(
    checkpoint: dict[str, Any],
    optimizations: Sequence[Optimization],
    pairs: Pairs,
    hyperparameters: Mapping[str, Any],
) -> None:
    """Merges saved states of optimizers and schedulers with configured settings.

    A scheduler that is missing in the checkpoint, or of another class there, starts anew. One
    warning lists the configured settings that a continued schedule overrides.

    Args:
        checkpoint: changed in place.
        optimizations: as configured.
        pairs: new optimizers and schedulers of `optimizations`.
        hyperparameters: of the configured module. They lack optimizers and schedulers that were
            passed in Python; the warning does not cover these.

    Raises:
        TrainingError: if an optimizer is of another kind than the checkpoint's.
    """
    saved = checkpoint.get("hyper_parameters", {})
    schedules, ignored = [], []
    parts = zip(optimizations, pairs, _saved_states(checkpoint), strict=True)
    for optimization, (optimizer, scheduler), (state, kind, schedule, name) in parts:
        _check_kind(optimization.prefix, optimizer, kind)
        continues = scheduler is not None and _class_of([scheduler]) == name
        if continues:
            ignored += _ignored_settings(optimization.prefix, saved, hyperparameters)
            schedules.append(schedule)
        elif scheduler is not None:
            schedules.append(scheduler.state_dict())
        _keep_configured_settings(state, optimizer, continues)
        _lay_out_like_weights(state, optimizer)
    checkpoint["lr_schedulers"] = schedules
    if ignored:
        rank_zero_warn(
            "a resumed run goes on with the schedule of its checkpoint: "
            f"{', '.join(ignored)}; resume without scheduler to change the rate."
        )


def as_list(value: Any) -> list[Any]:
    """Returns Lightning's list, single object or None as a list."""
    return value if isinstance(value, list) else [value] if value is not None else []


def _saved_states(
    checkpoint: Mapping[str, Any],
) -> Iterator[tuple[dict[str, Any], str | None, Any, str | None]]:
    """Yields each optimizer's state and kind and its scheduler's state and class."""
    states, schedules = checkpoint["optimizer_states"], iter(checkpoint["lr_schedulers"])
    # a checkpoint of other code has no note; its schedules start anew
    for state, (kind, name) in zip(
        states, checkpoint.get(_NOTE, [(None, None)] * len(states)), strict=True
    ):
        yield state, kind, next(schedules) if name is not None else None, name


def check_notes(
    checkpoint: Mapping[str, Any], optimizers: Sequence[Optimizer]
) -> list[str | None] | None:
    """Returns the class of each optimizer's scheduler, None for a checkpoint of other code.

    Raises:
        ValueError: if the notes are not those of as many optimizers.
        TrainingError: if an optimizer is of another kind than the checkpoint's.
    """
    notes = checkpoint.get(_NOTE)
    if notes is None:
        return None
    for optimizer, (kind, _) in zip(optimizers, notes, strict=True):
        _check_kind("", optimizer, kind)
    return [name for _, name in notes]


def _kind(optimizer: Optimizer) -> str:
    # the class that defines `step`: subclasses with other arguments have the same state
    return type(optimizer).step.__qualname__.partition(".")[0]


def _class_of(schedulers: Sequence[LRScheduler]) -> str | None:
    return type(schedulers[0]).__qualname__ if schedulers else None


def _check_kind(prefix: str, optimizer: Optimizer, saved: str | None) -> None:
    if saved not in (None, _kind(optimizer)):
        raise TrainingError(
            f"`{prefix}optimizer` must be of the checkpoint's kind to go on with its moments, "
            f"{saved}, got {type(optimizer).__name__}; name a {saved} or start a new run."
        )


def _keep_configured_settings(state: dict[str, Any], optimizer: Optimizer, continues: bool) -> None:
    # schedulers keep settings in the groups too; these continue with the schedule
    settings = optimizer.defaults.keys() - _SCHEDULED if continues else None
    for saved, given in zip(state["param_groups"], optimizer.param_groups, strict=False):
        names = (given.keys() if settings is None else settings) - {"params"}
        saved.update({name: given[name] for name in names})


def _lay_out_like_weights(state: dict[str, Any], optimizer: Optimizer) -> None:
    # a fused Adam reads moments in the memory order of the weight, even if theirs differs
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
            continue  # passed in Python: no settings are saved
        was, now = (h[name].get("init_args") or {} for h in (saved, given))
        for key in sorted(was.keys() & now.keys()) if scheduled is None else scheduled:
            if was.get(key) != now.get(key):
                yield f"{name}.{key} stays {was.get(key)} ({now.get(key)} was given)"
