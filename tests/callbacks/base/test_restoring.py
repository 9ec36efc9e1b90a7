"""Copies of callbacks load their states, and odd states are refused."""

import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Callback, Trainer
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint

from callbacks import GeneratorEMA, HistoryAwareSampling
from callbacks.base.restoring import check_callback_states
from hawc import MemoryHistory
from tests.helpers import tiny_wgan


class NeedsSetup(Callback):
    """A user's callback, which loads its state into what `setup` makes."""

    def setup(self, *_: Any, **__: Any) -> None:
        self.seen: list[int] = []

    def state_dict(self) -> dict[str, Any]:
        return {"seen": self.seen}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.seen.extend(state_dict["seen"])


def check(callback: Callback, state: Any) -> None:
    trainer = Trainer(logger=False, callbacks=[callback], accelerator="cpu")
    check_callback_states({callback.state_key: state}, trainer, tiny_wgan())


def test_the_trainer_of_a_callback_is_not_copied() -> None:
    trainer = Trainer(logger=False, barebones=True)
    callback = EarlyStopping("loss")
    callback.trainer = trainer  # type: ignore[attr-defined]
    trainer.lock = threading.Lock()  # type: ignore[attr-defined]  # cannot be copied
    trainer.callbacks = [callback]
    with pytest.raises(KeyError):  # of the state
        check_callback_states({callback.state_key: {"a": 1}}, trainer, tiny_wgan())
    assert callback.wait_count == 0


def test_the_callback_itself_is_unchanged() -> None:
    callback = EarlyStopping("loss")
    check(callback, {**callback.state_dict(), "wait_count": 3, "of another release": 2})
    assert callback.wait_count == 0


def test_a_user_s_callback_is_left_to_lightning() -> None:
    check(NeedsSetup(), {"seen": [1]})


def test_a_callback_that_cannot_be_copied_is_left_to_lightning() -> None:
    callback = EarlyStopping("loss")
    callback.lock = threading.Lock()  # type: ignore[attr-defined]
    check(callback, callback.state_dict())


def test_states_that_fit_pass(tmp_path: Path) -> None:
    saving = ModelCheckpoint(tmp_path, monitor="loss")
    score = torch.tensor(0.5)
    kept = {"best_k_models": {f"{tmp_path}/a.ckpt": score}, "best_model_score": score}
    for callback in (saving, EarlyStopping("loss"), GeneratorEMA()):
        check(callback, callback.state_dict())
    check(saving, {**saving.state_dict(), **kept})


def test_states_of_other_models_are_refused() -> None:
    with pytest.raises(ValueError, match="the average of GeneratorEMA must fit the generator"):
        check(GeneratorEMA(), {"average": {"a": torch.ones(1)}, "num_updates": 0, "seen_step": 0})
    history = MemoryHistory(7)
    with pytest.raises(ValueError, match="the history of HistoryAwareSampling must have dimension"):
        check(HistoryAwareSampling(), history.state_dict())


@pytest.mark.parametrize(
    "changed",
    [
        {"best_model_score": "0.5"},
        {"best_k_models": {"a.ckpt": "0.5"}},
        {"best_k_models": []},
        {"best_model_path": 1},
        {"best_model_path": "kept/../../other.ckpt"},
        {"best_k_models": {"kept/../../other.ckpt": torch.tensor(0.5)}},
    ],
)
def test_odd_states_of_checkpoints_are_refused(changed: dict[str, Any], tmp_path: Path) -> None:
    saving = ModelCheckpoint(tmp_path, monitor="loss")
    with pytest.raises((TypeError, ValueError, AttributeError)):
        check(saving, {**saving.state_dict(), **changed})
