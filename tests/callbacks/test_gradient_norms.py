"""Norms of gradients before clipping, at the steps that a logger reads."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Callback, LightningModule, Trainer, seed_everything
from torch.optim import Optimizer

from callbacks import GradientNorms
from datamodules import ToyDomains
from tests.callbacks.runs import run
from tests.helpers import (
    TinyImages,
    quiet_trainer,
    same_weights,
    scaled_precision,
    tiny_wgan,
    weights,
)
from tests.tiny_domains import tiny_disco_gan


class ExpectedNorms(Callback):
    """Computes the last norm of each network before clipping."""

    def __init__(self) -> None:
        self.norms: dict[str, float] = {}

    def on_before_optimizer_step(
        self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer
    ) -> None:
        for name in ("critic", "generator"):
            parameters = list(getattr(pl_module, name).parameters())
            if optimizer.param_groups[0]["params"][0] is parameters[0]:
                squares = [p.grad.double().square().sum() for p in parameters]
                self.norms[name] = float(torch.stack(squares).sum().sqrt())


class LogSpy(Callback):
    """Records the batches, counted from 0, whose norms are logged."""

    def __init__(self, model: LightningModule) -> None:
        self.batches: dict[str, list[int]] = {"critic": [], "generator": []}
        log = model.log

        def spy(name: str, value: Any, *rest: Any, **more: Any) -> None:
            if name.endswith("_gradient_norm"):
                network = name.removeprefix("train/").partition("_")[0]
                self.batches[network].append(int(model.batch_count))
            log(name, value, *rest, **more)

        model.log = spy  # type: ignore[method-assign, assignment]


def test_norms_by_hand_are_those_before_clipping(tmp_path: Path) -> None:
    expected, model = ExpectedNorms(), tiny_wgan(max_gradient_norm=1e-4)
    trainer = run(tmp_path, GradientNorms(), expected, model=model)
    for name in ("critic", "generator"):
        norm = float(trainer.callback_metrics[f"train/{name}_gradient_norm"])
        assert norm == pytest.approx(expected.norms[name], rel=1e-5)  # float32 sums
        assert norm > 1e-3


@pytest.mark.parametrize("fused", [False, True])
def test_norms_do_not_depend_on_the_loss_scale(tmp_path: Path, fused: bool) -> None:
    norms, one_batch = [], {"limit_train_batches": 1}
    for scale in (1.0, 256.0):
        seed_everything(1)
        model = tiny_wgan(critic_optimizer=partial(torch.optim.Adam, lr=1e-4, fused=fused))
        precision = scaled_precision(scale)
        trainer = run(tmp_path, GradientNorms(), model=model, plugins=precision, **one_batch)
        norms.append(float(trainer.callback_metrics["train/critic_gradient_norm"]))
    assert norms[0] == pytest.approx(norms[1], rel=0.05)  # half precision


def test_weights_do_not_depend_on_it(tmp_path: Path) -> None:
    states = []
    for callbacks in ([], [GradientNorms()]):
        seed_everything(1)
        model = tiny_wgan(max_gradient_norm=1e-3)
        quiet_trainer(tmp_path, max_epochs=2, callbacks=callbacks).fit(
            model, TinyImages(batch_size=16)
        )
        states.append(weights(model))
    assert same_weights(*states)


def test_only_logged_norms_are_computed(tmp_path: Path) -> None:
    model = tiny_wgan(n_critic=2)
    spy = LogSpy(model)
    data = TinyImages(batch_size=4, num_validation=0)  # 20 batches
    run(tmp_path, GradientNorms(), spy, model=model, data=data, log_every_n_steps=8)
    assert spy.batches["critic"] == [7, 15, 19]  # logged after the 8th, the 16th and the last
    assert spy.batches["generator"] == [7, 15, 19]


def test_norms_of_rare_generator_steps_are_logged(tmp_path: Path) -> None:
    model = tiny_wgan(n_critic=3)
    spy = LogSpy(model)
    data = TinyImages(batch_size=4, num_validation=0)
    run(tmp_path, GradientNorms(), spy, model=model, data=data, log_every_n_steps=10)
    # generator steps in batches 2, 5, 8, ..., 17; logged after the batches 9 and 19
    assert spy.batches["generator"] == [8, 17]


def test_norms_of_rare_critic_steps_are_logged(tmp_path: Path) -> None:
    model = tiny_disco_gan(n_generator=2)
    spy = LogSpy(model)
    trainer = quiet_trainer(tmp_path, callbacks=[GradientNorms(), spy], log_every_n_steps=3)
    trainer.fit(model, ToyDomains(batch_size=6, num_points=100))  # 15 batches
    assert spy.batches["critic"] == [
        0,
        3,
        6,
        9,
        12,
    ]  # the last step of each network in each interval
    assert spy.batches["generator"] == [2, 5, 8, 11, 14]
