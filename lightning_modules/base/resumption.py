"""Checks whether Lightning can restore a checkpoint, before a run writes anything.

Lightning restores states without looking at them, and fails at the first step that uses an odd one.
Here each state is compared with that of the configured run, and optimizers make a step without
numbers.
"""

import warnings
from collections.abc import Mapping
from typing import Any

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.utilities.migration import migrate_checkpoint
from torch import Tensor, nn
from torch.optim import Optimizer

from lightning_modules.base.alternating import AbstractAlternating
from lightning_modules.base.optimization import as_list, check_notes

__all__ = ["check_restorable", "check_training"]

_LARGEST = 2**53  # of a count
_STEPS = "alternating_steps"  # key in checkpoints of two networks
# keys of a group of weights that are no settings of its optimizer
_OF_SCHEDULES = {"params", "param_names", "initial_lr", "max_lr", "min_lr", "swa_lr"}
_OF_SCHEDULES |= {"max_momentum", "base_momentum"}


def check_restorable(
    content: Mapping[str, Any], module: LightningModule, trainer: Trainer, loop: str
) -> None:
    """Raises an error of any kind unless progress and version can be restored.

    Args:
        content: of a checkpoint.
        module: of the run.
        trainer: of the run.
        loop: "fit_loop", "validate_loop" or "test_loop".
    """
    with warnings.catch_warnings(action="ignore"):  # Lightning warns when it restores
        content, _ = migrate_checkpoint(_copied(content))
    for name in ("epoch", "global_step"):
        _check_count(content.get(name, 0))
    if (loops := content.get("loops")) is not None:
        _check_progress(loops[loop], getattr(trainer, loop).state_dict())
    if isinstance(module, AbstractAlternating):
        for name in module.counters:
            _check_count(content[_STEPS][name])


def check_training(content: Mapping[str, Any], module: LightningModule) -> None:
    """Raises an error of any kind unless optimizers and schedules can go on from a checkpoint.

    A model whose `configure_optimizers` needs the running trainer is left to Lightning.
    """
    _check_count(content["global_step"])
    for state in content["loops"]["fit_loop"]["state_dict"].get("combined_loader", []):
        if isinstance(state, dict) and state.keys() == {"epoch", "position"}:  # of our loaders
            _ = [_check_count(number) for number in state.values()]
    try:
        optimizers, schedulers = _configured(module)
    except Exception:  # such as `T_max=self.trainer.max_epochs`; Lightning reports true errors
        return
    states, schedules = content["optimizer_states"], content["lr_schedulers"]
    if not isinstance(states, list) or len(states) != len(optimizers):
        raise ValueError("it has another number of optimizers")
    if not isinstance(schedules, list):
        raise TypeError("its schedules are no list")
    names = check_notes(content, optimizers)
    if names is None:  # of other code: Lightning restores schedules in their order
        pairs = list(zip(schedulers, schedules, strict=False))
    else:
        saved = dict(zip([i for i, name in enumerate(names) if name], schedules, strict=True))
        places = {id(optimizer): i for i, optimizer in enumerate(optimizers)}
        found = [(s, places[id(s.optimizer)]) for s in schedulers]
        pairs = [(s, saved[i]) for s, i in found if type(s).__qualname__ == names[i]]
    for scheduler, schedule in pairs:
        _check_schedule(scheduler, _copied(schedule))
    for optimizer, state in zip(optimizers, states, strict=True):
        _check_optimizer(optimizer, state)


def _configured(module: LightningModule) -> tuple[list[Optimizer], list[Any]]:
    """Returns new optimizers and schedulers of a module, in any form that Lightning takes."""
    given: Any = module.configure_optimizers()
    if isinstance(given, tuple | list) and len(given) == 2 and isinstance(given[0], list):
        optimizers, schedulers = given[0], as_list(given[1])
    else:
        parts = list(given) if isinstance(given, tuple) else as_list(given)
        pairs = [part if isinstance(part, dict) else {"optimizer": part} for part in parts]
        optimizers = [pair["optimizer"] for pair in pairs]
        schedulers = [pair["lr_scheduler"] for pair in pairs if "lr_scheduler" in pair]
    return optimizers, [s["scheduler"] if isinstance(s, dict) else s for s in schedulers]


def _check_progress(saved: Any, present: Any, key: str = "") -> None:
    """Raises an error unless all counts of a loop are there, and are counts."""
    if isinstance(present, dict):
        is_loop, is_open = not key, key.endswith("state_dict")
        is_whole = (
            is_loop or is_open or (isinstance(saved, dict) and saved.keys() == present.keys())
        )
        if not isinstance(saved, dict) or not is_whole:
            raise ValueError(f"{key} has other parts")
        for name in present.keys() & saved.keys():
            _check_progress(saved[name], present[name], name)
    elif isinstance(present, bool):
        if not isinstance(saved, bool):
            raise TypeError(f"{key} must be true or false")
    elif isinstance(present, int):
        _check_count(saved)


def _check_count(number: object) -> None:
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < _LARGEST:
        raise ValueError("a count is none")


def _check_schedule(scheduler: Any, saved: dict[str, Any]) -> None:
    """Raises an error unless a schedule has the parts of the configured one, and makes a step.

    The kinds of parts are those of torch's schedules; a user's class may change its own.
    """
    present = scheduler.state_dict()
    for name, value in saved.items():
        if name not in present and hasattr(scheduler, name):
            raise ValueError(f"{name} is no part of a schedule")
        if name in present and type(scheduler).__module__.startswith("torch."):
            _check_kind(value, present[name])
    scheduler.load_state_dict(saved)
    with warnings.catch_warnings(action="ignore"):  # its optimizer has made no step
        if type(scheduler).step is torch.optim.lr_scheduler.LRScheduler.step:
            scheduler.step()


def _check_kind(saved: Any, present: Any) -> None:
    """Raises TypeError for text in place of a number, or a list of another length."""
    is_number = isinstance(present, int | float) and isinstance(saved, int | float | Tensor)
    if present is not None and not is_number and not isinstance(saved, type(present)):
        raise TypeError("a setting is of another kind")
    if isinstance(present, list):
        for value, known in zip(saved, present, strict=True):
            _check_kind(value, known)


def _check_optimizer(optimizer: Optimizer, saved: Mapping[str, Any]) -> None:
    """Raises an error unless a new optimizer can make a step from a saved state.

    The optimizer is useless afterwards: its weights are replaced by some without numbers.
    """
    settings = [{k: v for k, v in g.items() if k != "params"} for g in optimizer.param_groups]
    _leave_numbers_out(optimizer)
    known = _state_after_a_step(optimizer)
    groups, state = saved["param_groups"], saved["state"]
    for group, setting in zip(groups, settings, strict=True):
        for name in setting.keys() & group.keys():
            _check_kind(group[name], setting[name])
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    if not state.keys() <= set(range(len(weights))):
        raise ValueError("it has moments of other weights")
    # with the same settings it is the same optimizer, which may have kept more before
    strict = any(g.keys() - s.keys() - _OF_SCHEDULES for g, s in zip(groups, settings, strict=True))
    for place, moments in state.items():
        if known is not None:
            _check_moments(moments, known.get(place, {}), strict)
    # models of other code take the saved settings, ours those of the configuration
    configured = [{**g, **setting} for g, setting in zip(groups, settings, strict=True)]
    for each in (groups, configured):
        optimizer.load_state_dict({"state": state, "param_groups": _copied(each)})
        if known is not None:
            optimizer.step()


def _leave_numbers_out(optimizer: Optimizer) -> None:
    for group in optimizer.param_groups:
        group["params"] = [_without_numbers(optimizer, weight) for weight in group["params"]]


def _without_numbers(optimizer: Optimizer, weight: Tensor) -> nn.Parameter:
    substitute = nn.Parameter(torch.empty_like(weight, device="meta"), weight.requires_grad)
    substitute.grad = torch.empty_like(substitute)
    moments = optimizer.state.pop(weight, {})  # some optimizers begin with theirs
    if moments:
        optimizer.state[substitute] = {
            name: value.to("meta") if isinstance(value, Tensor) and value.ndim else value
            for name, value in moments.items()
        }
    return substitute


def _state_after_a_step(optimizer: Optimizer) -> dict[int, Any] | None:
    """Returns the state by weight, None for an optimizer that needs numbers or a closure."""
    try:
        optimizer.step()
        known: dict[int, Any] = optimizer.state_dict()["state"]
    except Exception:  # errors of optimizers have no common base
        return None
    return known


def _check_moments(saved: Mapping[str, Any], known: Mapping[str, Any], strict: bool) -> None:
    present = {name: value for name, value in known.items() if value is not None}
    found = {name for name, value in saved.items() if value is not None}
    if not present.keys() <= found or (strict and found != present.keys()):
        raise ValueError("its moments are of another optimizer")
    for name, value in present.items():
        given = saved[name]
        if isinstance(value, Tensor) and isinstance(given, Tensor):
            if given.shape != value.shape or given.is_complex() != value.is_complex():
                raise ValueError("its moments have another shape")
        else:
            _check_kind(given, value)


def _copied(value: Any) -> Any:
    """Returns a copy whose tensors are shared."""
    if isinstance(value, dict):
        return {key: _copied(part) for key, part in value.items()}
    return [_copied(part) for part in value] if isinstance(value, list) else value
