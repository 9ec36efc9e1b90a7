"""States of each optimizer pass for that optimizer, and are refused for others."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from lightning import LightningModule, Trainer
from torch import nn, optim

from lightning_modules.base.resumption import check_restorable, check_training


class Own(LightningModule):
    """A user's module, whose optimizer Lightning restores as it was saved."""

    def __init__(self, optimizer: Callable[..., optim.Optimizer], scheduler: Any = None) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 2)
        self.frozen = nn.Parameter(torch.ones(2), requires_grad=False)
        self._optimizer, self._scheduler = optimizer, scheduler

    def configure_optimizers(self) -> Any:
        optimizer = self._optimizer(self.parameters())
        if self._scheduler is None:
            return optimizer
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": self._scheduler(optimizer)}}


def saved(module: Own, steps: int = 2) -> dict[str, Any]:
    """Returns the parts of a checkpoint after some steps."""
    given = module.configure_optimizers()
    optimizer = given["optimizer"] if isinstance(given, dict) else given
    schedules = [given["lr_scheduler"]["scheduler"]] if isinstance(given, dict) else []
    for _ in range(steps):
        optimizer.zero_grad()

        def loss() -> torch.Tensor:
            value = module.layer(torch.ones(1, 3)).square().sum()
            value.backward()
            return value

        optimizer.step(loss)
        for schedule in schedules:
            schedule.step()
    return {
        "global_step": steps,
        "loops": {"fit_loop": {"state_dict": {}}},
        "optimizer_states": [optimizer.state_dict()],
        "lr_schedulers": [schedule.state_dict() for schedule in schedules],
    }


OPTIMIZERS: dict[str, Callable[..., optim.Optimizer]] = {
    "SGD": partial(optim.SGD, lr=0.1),
    "SGD with momentum": partial(optim.SGD, lr=0.1, momentum=0.9, nesterov=True),
    "Adam": optim.Adam,
    "Adam with amsgrad": partial(optim.Adam, amsgrad=True),
    "fused Adam": partial(optim.Adam, fused=True),
    "RMSprop": optim.RMSprop,
    "centered RMSprop": partial(optim.RMSprop, centered=True, momentum=0.1),
    "Adagrad": optim.Adagrad,
    "Adadelta": optim.Adadelta,
    "Adamax": optim.Adamax,
    "ASGD": optim.ASGD,
    "Rprop": optim.Rprop,
    "LBFGS": lambda weights: optim.LBFGS([w for w in weights if w.requires_grad]),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("steps", [0, 2])
def test_an_optimizer_takes_its_own_state(name: str, steps: int) -> None:
    module = Own(OPTIMIZERS[name])
    check_training(saved(module, steps), module)
    assert not any(weight.is_meta for weight in module.parameters())


@pytest.mark.parametrize("name", ["Adam", "Adam with amsgrad", "RMSprop", "Adagrad"])
@pytest.mark.parametrize("other", ["SGD with momentum", "Adamax", "centered RMSprop", "Rprop"])
def test_others_do_not(name: str, other: str) -> None:
    with pytest.raises(Exception):  # noqa: B017  no common base
        check_training(saved(Own(OPTIMIZERS[name])), Own(OPTIMIZERS[other]))


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (partial(optim.SGD, lr=0.1, momentum=0.9), partial(optim.SGD, lr=0.1)),
        (partial(optim.Adam, amsgrad=True), optim.Adam),
        (partial(optim.RMSprop, centered=True, momentum=0.1), optim.RMSprop),
    ],
)
def test_settings_that_need_fewer_moments_pass(before: Any, now: Any) -> None:
    check_training(saved(Own(before, SCHEDULES["one cycle"])), Own(now, SCHEDULES["one cycle"]))


class Growing(optim.lr_scheduler.LRScheduler):
    """A user's schedule, whose state grows and changes its kinds."""

    def __init__(self, optimizer: optim.Optimizer) -> None:
        self.rates: list[float] = []
        self.best: float | None = 0.0
        super().__init__(optimizer)

    def get_lr(self) -> list[float]:
        self.rates.append(0.1)
        self.best = None
        return [0.1 for _ in self.optimizer.param_groups]


def test_a_user_s_schedule_takes_its_own_state() -> None:
    module = Own(optim.Adam, Growing)
    check_training(saved(module), module)


class NeedsTrainer(Own):
    def configure_optimizers(self) -> Any:
        optimizer = optim.Adam(self.parameters())
        return [optimizer], [
            optim.lr_scheduler.CosineAnnealingLR(optimizer, self.trainer.max_epochs)
        ]


def test_optimizers_that_need_the_trainer_are_left_to_lightning() -> None:
    content = saved(Own(optim.Adam, SCHEDULES["cosine"]))
    check_training(content, NeedsTrainer(optim.Adam))


class Listed(Own):
    def configure_optimizers(self) -> Any:
        optimizer = optim.Adam(self.parameters())
        return [[optimizer], [optim.lr_scheduler.ConstantLR(optimizer)]]


def test_a_list_of_two_lists_and_a_loader_s_own_state_pass() -> None:
    content = saved(Own(optim.Adam, optim.lr_scheduler.ConstantLR))
    content["loops"]["fit_loop"]["state_dict"] = {"combined_loader": [7, {"position": "last"}]}
    check_training(content, Listed(optim.Adam))


def test_an_attribute_of_a_user_s_model_is_no_count() -> None:
    module = Own(optim.Adam)
    module.counters = {"seen": 3}  # type: ignore[assignment]
    trainer = Trainer(logger=False, barebones=True, accelerator="cpu")
    content = {"pytorch-lightning_version": "2.6.0", "state_dict": {}}
    check_restorable(content, module, trainer, "fit_loop")


SCHEDULES: dict[str, Callable[..., Any]] = {
    "exponential": partial(optim.lr_scheduler.ExponentialLR, gamma=0.9),
    "cosine": partial(optim.lr_scheduler.CosineAnnealingWarmRestarts, T_0=3),
    "one cycle": partial(optim.lr_scheduler.OneCycleLR, max_lr=1.0, total_steps=9),
    "function": partial(optim.lr_scheduler.LambdaLR, lr_lambda=lambda epoch: 0.9**epoch),
    "several": lambda optimizer: optim.lr_scheduler.SequentialLR(
        optimizer,
        [optim.lr_scheduler.ConstantLR(optimizer), optim.lr_scheduler.StepLR(optimizer, 2)],
        [1],
    ),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_takes_its_own_state(name: str) -> None:
    module = Own(optim.Adam, SCHEDULES[name])
    check_training(saved(module), module)


@pytest.mark.parametrize(
    "changed", [{"last_epoch": "1"}, {"base_lrs": []}, {"step": 1}, {"optimizer": None}]
)
def test_odd_schedules_are_refused(changed: dict[str, Any]) -> None:
    module = Own(optim.Adam, SCHEDULES["exponential"])
    content = saved(module)
    content["lr_schedulers"][0].update(changed)
    with pytest.raises((TypeError, ValueError)):
        check_training(content, module)
