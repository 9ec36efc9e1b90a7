"""An optimizer with its schedule, and which of its settings a resumed run takes from where.

Moments come from the checkpoint, settings from the configuration: a learning rate given on the
command line would be ignored otherwise, without a word. Not so what a scheduler moves: a schedule
goes on where the checkpoint left it, and what is configured otherwise is told of.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from lightning.pytorch.utilities import rank_zero_warn
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from lightning_modules.driver_check import stop_driver_checks

__all__ = ["Optimization", "configured", "note_schedules", "resume"]

_SCHEDULED = ("lr", "betas", "momentum")  # what PyTorch's schedulers move, OneCycleLR the last two
_NOTE = "scheduled"  # for each optimizer of a checkpoint whether it has a scheduler


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

    def make(self, weights: Iterable[nn.Parameter]) -> tuple[Optimizer, LRScheduler | None]:
        """Returns the optimizer and its scheduler, if it has one.

        Raises:
            ValueError: if the scheduler needs a metric.
        """
        stop_driver_checks()
        optimizer = self.optimizer(weights)
        if self.scheduler is None:
            return optimizer, None
        scheduler = self.scheduler(optimizer)
        if isinstance(scheduler, ReduceLROnPlateau):
            raise ValueError(
                f"`{self.prefix}scheduler` must depend on the number of its steps alone, got "
                "ReduceLROnPlateau, which waits for a metric; choose another, e.g. "
                "torch.optim.lr_scheduler.MultiStepLR."
            )
        return optimizer, scheduler


Made = Sequence[tuple[Optimizer, LRScheduler | None]]


def configured(made: Made) -> OptimizerLRScheduler:
    """Returns optimizers and schedulers as Lightning wants them of `configure_optimizers`."""
    return [optimizer for optimizer, _ in made], [s for _, s in made if s is not None]


def note_schedules(checkpoint: dict[str, Any], optimizations: Sequence[Optimization]) -> None:
    """Notes in a checkpoint which of its optimizers have a scheduler, for `resume`."""
    checkpoint[_NOTE] = [optimization.scheduler is not None for optimization in optimizations]


def resume(
    checkpoint: dict[str, Any],
    optimizations: Sequence[Optimization],
    made: Made,
    hyperparameters: Mapping[str, Any],
) -> None:
    """Makes the optimizers' and schedulers' states in a checkpoint those to resume with.

    Warns in one line of configured settings that a schedule makes of no effect.

    Args:
        checkpoint: changed in place.
        optimizations: as configured.
        made: by `optimizations`, anew.
        hyperparameters: of the configured module; of what a module built in Python was given as
            optimizer or scheduler nothing is known, so nothing is said of it.
    """
    saved = checkpoint.get("hyper_parameters", {})
    schedules, ignored = [], []
    found = zip(optimizations, made, _saved_states(checkpoint), strict=False)
    for optimization, (optimizer, scheduler), (optimizer_state, schedule) in found:
        name = f"{optimization.prefix}scheduler"
        goes_on = None not in (scheduler, schedule)
        if goes_on and not _is_another_class(name, saved, hyperparameters):
            ignored += _ignored_settings(optimization.prefix, saved, hyperparameters)
        else:
            goes_on, schedule = False, scheduler and scheduler.state_dict()
        schedules += [schedule] if schedule is not None else []
        _keep_configured_settings(optimizer_state, optimizer, goes_on)
    checkpoint["lr_schedulers"] = schedules
    if ignored:
        rank_zero_warn(
            "a resumed run goes on with the schedule of its checkpoint: "
            f"{', '.join(ignored)}; resume without scheduler to change the rate."
        )


def _saved_states(checkpoint: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], Any]]:
    """Yields the state of each optimizer and that of its scheduler, None if it has none."""
    schedules = iter(checkpoint.get("lr_schedulers", []))
    states = checkpoint.get("optimizer_states", [])
    for state, scheduled in zip(states, checkpoint.get(_NOTE, []), strict=False):
        yield state, next(schedules) if scheduled else None


def _keep_configured_settings(state: dict[str, Any], optimizer: Optimizer, scheduled: bool) -> None:
    kept = ("params", *_SCHEDULED) if scheduled else ("params",)
    for saved, given in zip(state["param_groups"], optimizer.param_groups, strict=False):
        saved.update({key: value for key, value in given.items() if key not in kept})


def _ignored_settings(
    prefix: str, saved: Mapping[str, Any], given: Mapping[str, Any]
) -> Iterator[str]:
    for name, scheduled in ((f"{prefix}optimizer", _SCHEDULED), (f"{prefix}scheduler", None)):
        was, now = _arguments(saved, name), _arguments(given, name)
        for key in sorted(was.keys() & now.keys()) if scheduled is None else scheduled:
            if was.get(key) != now.get(key):
                yield f"{name}.{key} stays {was.get(key)} ({now.get(key)} was given)"


def _is_another_class(name: str, saved: Mapping[str, Any], given: Mapping[str, Any]) -> bool:
    paths = [(h.get(name) or {}).get("class_path") for h in (saved, given)]
    return None not in paths and paths[0] != paths[1]


def _arguments(hyperparameters: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return (hyperparameters.get(name) or {}).get("init_args") or {}
