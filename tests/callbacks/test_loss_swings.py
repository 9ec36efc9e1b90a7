"""The swing of known sequences, and the readings of a run."""

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from lightning import seed_everything

from callbacks import LossSwings
from callbacks.loss_swings import swing
from tests.callbacks.runs import run
from tests.helpers import TinyImages, quiet_trainer, same_weights, tiny_wgan, weights

TIME = torch.arange(4000.0, dtype=torch.float64)


def test_independent_noise() -> None:
    noise = torch.randn(4000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    # three standard errors for 4000 values
    assert swing(noise) == pytest.approx(math.sqrt(math.pi) / 2, rel=0.03)
    assert swing(7 - 3 * noise + 0.5 * TIME) == pytest.approx(swing(noise))


@pytest.mark.parametrize("period", [20, 80, 400])
def test_waves(period: int) -> None:
    wave = torch.sin(2 * math.pi * TIME / period)
    # a sine is not linear between readings, and the line fits a small part of it
    assert swing(wave) == pytest.approx(period / (4 * math.sqrt(2)), rel=0.01)


def test_alternations_and_lines() -> None:
    assert swing((-1) ** TIME) == pytest.approx(0.5, rel=1e-3)
    assert swing(3 - 2 * TIME) == 0
    assert swing((3 - 0.1 * TIME).float()) == 0
    assert swing(torch.ones(5)) == 0


def test_readings_are_the_logged_losses(tmp_path: Path) -> None:
    callback, model = LossSwings(num_readings=12), tiny_wgan(n_critic=3)
    data = TinyImages(batch_size=4, num_validation=0)  # 20 batches
    arguments = {"log_every_n_steps": 2, "max_epochs": 2}
    trainer = run(tmp_path, callback, model=model, data=data, **arguments)
    readings = callback.state_dict()["readings"]
    assert len(readings["critic"]) == 12  # of 20
    assert readings["critic"][-1] == float(trainer.callback_metrics["train/critic_loss"])
    # 13 generator steps in 40 batches, each read once
    assert len(readings["generator"]) == 12
    assert len(set(readings["generator"])) == 12
    logged = float(trainer.callback_metrics["health/critic_loss_swing"])
    assert logged == pytest.approx(swing(torch.tensor(readings["critic"])))
    assert "health/generator_loss_swing" in trainer.callback_metrics


def test_a_loss_is_read_once() -> None:
    callback, model = LossSwings(), tiny_wgan()
    logged = {"train/critic_loss": torch.ones(())}
    trainer: Any = SimpleNamespace(log_every_n_steps=1, callback_metrics=logged)

    def readings() -> list[float]:
        callback.on_train_batch_end(trainer, model, None, None, 0)
        return list(callback.state_dict()["readings"]["critic"])

    assert readings() == []  # no critic step yet
    model.critic_step = 1
    assert [readings(), readings()] == [[1.0], [1.0]]
    model.critic_step = 2
    assert readings() == [1.0, 1.0]


def test_few_readings_are_not_logged(tmp_path: Path) -> None:
    trainer = run(tmp_path, LossSwings(), model=tiny_wgan(), log_every_n_steps=1)
    assert not [name for name in trainer.callback_metrics if name.startswith("health/")]


def test_readings_survive_a_resume_and_weights_do_not_depend_on_it(tmp_path: Path) -> None:
    seed_everything(1)
    whole, first, resumed = LossSwings(), LossSwings(), LossSwings()
    states = []
    for callbacks, epochs, start in (
        ([whole], 3, None),
        ([], 3, None),
        ([first], 2, None),
        ([resumed], 3, str(tmp_path / "two.ckpt")),
    ):
        seed_everything(1)
        model = tiny_wgan()
        trainer = quiet_trainer(
            tmp_path, max_epochs=epochs, callbacks=callbacks, log_every_n_steps=1
        )
        trainer.fit(model, TinyImages(batch_size=16), ckpt_path=start)
        trainer.save_checkpoint(tmp_path / "two.ckpt")
        states.append(weights(model))
    assert torch.load(tmp_path / "two.ckpt", weights_only=True)
    assert same_weights(states[0], states[1])
    assert whole.state_dict() == resumed.state_dict()


def test_wrong_arguments() -> None:
    with pytest.raises(ValueError, match="`num_readings` must be at least 10, got 9"):
        LossSwings(num_readings=9)
