"""A resumed run: moments of the checkpoint, settings of the configuration, schedules of both."""

import copy
import warnings
from collections.abc import Iterable
from functools import partial
from typing import Any

import pytest
import torch
from lightning import LightningModule
from torch import Tensor
from torch.optim.lr_scheduler import (
    ConstantLR,
    CosineAnnealingLR,
    CyclicLR,
    LambdaLR,
    LRScheduler,
    MultiStepLR,
    OneCycleLR,
    ReduceLROnPlateau,
    StepLR,
)

from lightning_modules import TrainingError
from lightning_modules.base.optimization import Optimization, configured, note_classes, resume
from lightning_modules.base.optimizers import AdamWithBetas

halving = partial(StepLR, step_size=1, gamma=0.5)


def optimization(lr: float, scheduler: Any = None, prefix: str = "", **settings: Any) -> Any:
    return Optimization(partial(torch.optim.Adam, lr=lr, **settings), scheduler, prefix)


def weight() -> list[torch.nn.Parameter]:
    return [torch.nn.Parameter(torch.ones(2))]


class Holder(LightningModule):
    """What a module in training tells of its optimizers, as Lightning does."""

    def __init__(self, made: list[tuple[torch.optim.Optimizer, LRScheduler | None]]) -> None:
        super().__init__()
        self._made = made

    def optimizers(self, use_pl_optimizer: bool = True) -> Any:
        found = [optimizer for optimizer, _ in self._made]
        return found if len(found) > 1 else found[0]

    def lr_schedulers(self) -> Any:
        found = [scheduler for _, scheduler in self._made if scheduler is not None]
        return found if len(found) > 1 else found[0] if found else None


def checkpoint_after_a_step(*optimizations: Optimization, **more: Any) -> dict[str, Any]:
    """Returns what a run of these leaves after one step of each."""
    checkpoint: dict[str, Any] = {"optimizer_states": [], "lr_schedulers": [], **more}
    made = [(weights := weight(), each.make(weights)) for each in optimizations]
    for weights, (optimizer, scheduler) in made:
        weights[0].grad = torch.ones(2)
        optimizer.step()
        if scheduler is not None:
            scheduler.step()
            checkpoint["lr_schedulers"].append(scheduler.state_dict())
        checkpoint["optimizer_states"].append(optimizer.state_dict())
    note_classes(checkpoint, Holder([pair for _, pair in made]))
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


def test_moments_are_laid_out_like_their_weights() -> None:
    rows, columns = torch.nn.Parameter(torch.ones(2, 3)), torch.nn.Parameter(torch.ones(3, 2).T)
    adam = optimization(0.1, fused=True)
    optimizer, _ = adam.make([rows])
    rows.grad = torch.arange(6.0).view(2, 3)
    optimizer.step()
    checkpoint = {"optimizer_states": [optimizer.state_dict()], "lr_schedulers": []}
    resume(checkpoint, [adam], [adam.make([columns])], {})
    moments = checkpoint["optimizer_states"][0]["state"][0]["exp_avg"]
    assert moments.stride() == columns.stride()
    assert torch.equal(moments, optimizer.state[rows]["exp_avg"])


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
    checkpoint = checkpoint_after_a_step(optimization(1.0, halving))
    (pair,) = resumed(checkpoint, optimization(4.0, partial(ConstantLR, factor=0.5)))
    assert group(pair)["lr"] == 2.0


@pytest.mark.parametrize("kind", [torch.optim.Adam, partial(torch.optim.SGD, momentum=0.9)])
def test_a_cycle_goes_on_with_all_that_it_keeps(kind: Any) -> None:
    def cycle(peak: float) -> Optimization:
        return Optimization(partial(kind, lr=1e-3), partial(OneCycleLR, max_lr=peak, total_steps=9))

    checkpoint = checkpoint_after_a_step(cycle(0.1))
    expected = copy.deepcopy(checkpoint["optimizer_states"][0]["param_groups"][0])
    (pair,) = resumed(checkpoint, cycle(7.0))
    assert {key: group(pair)[key] for key in expected if key != "params"} == {
        key: value for key, value in expected.items() if key != "params"
    }


def test_a_schedule_starts_anew_from_a_checkpoint_of_other_code() -> None:
    checkpoint = checkpoint_after_a_step(optimization(1.0, halving))
    del checkpoint["optimization_classes"]
    (pair,) = resumed(checkpoint, optimization(4.0, halving))
    assert group(pair)["lr"] == 4.0


def test_an_optimizer_of_another_kind_is_refused() -> None:
    checkpoint = checkpoint_after_a_step(optimization(1.0, prefix="critic_"))
    message = "`critic_optimizer` must be of the checkpoint's kind .* Adam, got RMSprop"
    with pytest.raises(TrainingError, match=message):
        resumed(checkpoint, Optimization(torch.optim.RMSprop, None, "critic_"))


def test_an_adam_with_other_arguments_is_of_the_same_kind() -> None:
    checkpoint = checkpoint_after_a_step(optimization(1.0))
    new = Optimization(partial(AdamWithBetas, lr=0.5, beta1=0.3, beta2=0.4), None)
    (pair,) = resumed(checkpoint, new)
    assert group(pair)["betas"] == (0.3, 0.4)


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
        resumed(checkpoint_after_a_step(critic), critic, **recorded(0.1, 0.9))
        known = checkpoint_after_a_step(critic, hyper_parameters=recorded(0.5, 0.3))
        resumed(known, critic)
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


@pytest.mark.parametrize(
    ("scheduler", "reason"),
    [
        (partial(StepLR, step_size=0), "integer modulo by zero"),
        (partial(CosineAnnealingLR, T_max=0), "integer modulo by zero"),
        (partial(CyclicLR, base_lr=0.1, max_lr=1.0, step_size_up=0), "float division by zero"),
        (partial(OneCycleLR, max_lr=1.0, total_steps=0), "Expected positive integer total_steps"),
        (partial(MultiStepLR, milestones=[[1]]), "unhashable type: 'list'"),
    ],
)
def test_a_scheduler_that_cannot_step_is_refused_at_once(scheduler: Any, reason: str) -> None:
    message = f"`critic_scheduler` must have settings with which it can .* fails: {reason}.*; corr"
    with pytest.raises(ValueError, match=message):
        optimization(1.0, scheduler, "critic_").make(weight())


def test_a_try_is_made_with_weights_of_the_same_shapes() -> None:
    weights = [torch.nn.Parameter(torch.ones(2, 3)), torch.nn.Parameter(torch.ones(4, 5))]
    optimizer, scheduler = Optimization(torch.optim.Muon, halving).make(iter(weights))
    assert optimizer.param_groups[0]["params"] == weights  # Muon takes matrices alone
    assert scheduler is not None


@pytest.mark.parametrize(
    "scheduler",
    [
        partial(LambdaLR, lr_lambda=[lambda _: 1.0, lambda _: 0.5]),
        partial(OneCycleLR, max_lr=[0.1, 1.0], total_steps=9),
    ],
)
def test_a_try_is_made_with_the_same_groups(scheduler: Any) -> None:
    def one_group_each(weights: Iterable[torch.nn.Parameter]) -> torch.optim.Optimizer:
        return torch.optim.SGD([{"params": [each]} for each in weights], lr=1.0, momentum=0.9)

    layer = torch.nn.Linear(2, 3)
    optimizer, scheduled = Optimization(one_group_each, scheduler).make(layer.parameters())
    assert [group["params"] for group in optimizer.param_groups] == [[layer.weight], [layer.bias]]
    assert scheduled is not None


def test_an_optimizer_that_fails_is_not_the_scheduler_s_fault() -> None:
    with pytest.raises(ValueError, match=r"^Muon only supports 2D parameters"):
        Optimization(torch.optim.Muon, halving).make(weight())


def test_a_try_leaves_no_trace() -> None:
    with warnings.catch_warnings(action="error"):
        optimizer, scheduler = optimization(1.0, halving).make(weight())
    assert scheduler is not None
    assert scheduler.last_epoch == 0
    assert optimizer.param_groups[0]["lr"] == 1.0
