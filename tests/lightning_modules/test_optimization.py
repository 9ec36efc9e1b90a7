"""What a resumed run takes from its checkpoint, and what from its configuration."""

import warnings
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.optim.lr_scheduler import ConstantLR, LRScheduler, ReduceLROnPlateau, StepLR

from lightning_modules.optimization import Optimization, configured, note_schedules, resume

halving = partial(StepLR, step_size=1, gamma=0.5)


def optimization(lr: float, scheduler: Any = None, prefix: str = "", **settings: Any) -> Any:
    return Optimization(partial(torch.optim.Adam, lr=lr, **settings), scheduler, prefix)


def weight() -> list[torch.nn.Parameter]:
    return [torch.nn.Parameter(torch.ones(2))]


def checkpoint_after_a_step(*optimizations: Optimization, **more: Any) -> dict[str, Any]:
    """Returns what a run of these leaves after one step of each."""
    checkpoint: dict[str, Any] = {"optimizer_states": [], "lr_schedulers": [], **more}
    for each in optimizations:
        weights = weight()
        optimizer, scheduler = each.make(weights)
        weights[0].grad = torch.ones(2)
        optimizer.step()
        if scheduler is not None:
            scheduler.step()
            checkpoint["lr_schedulers"].append(scheduler.state_dict())
        checkpoint["optimizer_states"].append(optimizer.state_dict())
    note_schedules(checkpoint, optimizations)
    return checkpoint


def resumed(
    checkpoint: dict[str, Any], *optimizations: Optimization, **given: Any
) -> list[tuple[torch.optim.Optimizer, LRScheduler | None]]:
    """Returns optimizers and schedulers as Lightning brings them back, in order."""
    resume(checkpoint, optimizations, [each.make(weight()) for each in optimizations], given)
    made = [each.make(weight()) for each in optimizations]
    for (optimizer, _), state in zip(made, checkpoint["optimizer_states"], strict=True):
        optimizer.load_state_dict(state)
    present = [scheduler for _, scheduler in made if scheduler is not None]
    for scheduler, state in zip(present, checkpoint["lr_schedulers"], strict=True):
        scheduler.load_state_dict(state)
    return made


def group(pair: tuple[torch.optim.Optimizer, LRScheduler | None]) -> dict[str, Any]:
    return pair[0].param_groups[0]


def test_moments_come_from_the_checkpoint_and_settings_from_the_configuration() -> None:
    checkpoint = checkpoint_after_a_step(optimization(1.0))
    (again,) = resumed(checkpoint, optimization(0.25, betas=(0.5, 0.6)))
    assert (group(again)["lr"], group(again)["betas"]) == (0.25, (0.5, 0.6))
    (state,) = again[0].state.values()
    assert isinstance(state["exp_avg"], Tensor)
    assert state["step"] == 1


def test_what_a_scheduler_moves_goes_on_from_the_checkpoint() -> None:
    checkpoint = checkpoint_after_a_step(optimization(1.0, halving))
    checkpoint["optimizer_states"][0]["param_groups"][0]["betas"] = (0.87, 0.999)  # as OneCycleLR
    (again,) = resumed(checkpoint, optimization(3.0, halving, eps=1e-3))
    found = group(again)
    assert (found["lr"], found["betas"], found["eps"]) == (0.5, (0.87, 0.999), 1e-3)
    assert again[1] is not None
    assert again[1].last_epoch == 1


@pytest.mark.parametrize("scheduled", [0, 1])
def test_each_of_two_schedules_is_its_own(scheduled: int) -> None:
    schedulers = [halving if place == scheduled else None for place in (0, 1)]
    checkpoint = checkpoint_after_a_step(*(optimization(1.0, s) for s in schedulers))
    pairs = resumed(checkpoint, *(optimization(8.0, s) for s in schedulers))
    assert group(pairs[scheduled])["lr"] == 0.5
    assert group(pairs[1 - scheduled])["lr"] == 8.0


def test_a_scheduler_that_is_new_starts_anew() -> None:
    checkpoint = checkpoint_after_a_step(optimization(1.0, halving), optimization(1.0))
    first, second = resumed(checkpoint, optimization(2.0), optimization(4.0, halving))
    assert (group(first)["lr"], first[1]) == (2.0, None)
    assert second[1] is not None
    assert (group(second)["lr"], second[1].last_epoch) == (4.0, 0)


def recorded(lr: float, gamma: float, name: str = "StepLR", eps: float = 1e-8) -> dict[str, object]:
    """Returns hyperparameters as the command line records them."""
    return {
        "critic_optimizer": {"class_path": "Adam", "init_args": {"lr": lr, "eps": eps}},
        "critic_scheduler": {"class_path": name, "init_args": {"gamma": gamma}},
        "latent_dim": 2,
    }


def test_a_scheduler_of_another_class_starts_anew() -> None:
    old = optimization(1.0, halving, "critic_")
    checkpoint = checkpoint_after_a_step(old, hyper_parameters=recorded(1.0, 0.5))
    new = optimization(4.0, partial(ConstantLR, factor=0.5), "critic_")
    (pair,) = resumed(checkpoint, new, **recorded(4.0, 0.5, name="ConstantLR"))
    assert group(pair)["lr"] == 2.0


def test_what_a_schedule_ignores_is_named_in_one_line() -> None:
    critic = optimization(0.5, halving, "critic_")
    checkpoint = checkpoint_after_a_step(critic, hyper_parameters=recorded(0.5, 0.3))
    message = (
        r"with the schedule of its checkpoint: critic_optimizer\.lr stays 0\.5 \(0\.1 was given\), "
        r"critic_scheduler\.gamma stays 0\.3 \(0\.9 was given\); resume without scheduler"
    )
    with pytest.warns(UserWarning, match=message) as caught:
        resumed(checkpoint, critic, **recorded(0.1, 0.9))
    assert len(caught) == 1
    assert "\n" not in str(caught[0].message)


def test_nothing_is_said_where_nothing_is_ignored() -> None:
    critic = optimization(0.5, halving, "critic_")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        checkpoint = checkpoint_after_a_step(critic, hyper_parameters=recorded(0.5, 0.3))
        resumed(checkpoint, critic, **recorded(0.5, 0.3, eps=1e-3))
        resumed(checkpoint_after_a_step(critic), critic)
        resumed(checkpoint_after_a_step(optimization(1.0)), optimization(2.0), **recorded(2, 1))


def test_lightning_is_given_the_schedulers_that_there_are() -> None:
    made = [optimization(1.0).make(weight()), optimization(1.0, halving).make(weight())]
    optimizers, schedulers = configured(made)  # type: ignore[misc]
    assert list(optimizers) == [optimizer for optimizer, _ in made]
    assert list(schedulers) == [made[1][1]]


def test_a_scheduler_that_waits_for_a_metric_is_refused() -> None:
    message = "`critic_scheduler` must depend on the number of its steps alone, got ReduceLROnPlat"
    with pytest.raises(ValueError, match=message):
        optimization(1.0, ReduceLROnPlateau, "critic_").make(weight())
