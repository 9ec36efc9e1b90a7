"""A checkpoint every n steps, also where one batch makes two."""

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint

from commands.step_intervals import StepIntervals
from tests.helpers import TinyImages, quiet_trainer, tiny_vae, tiny_wgan

EVERY = "every_n_train_steps"


def saves(folder: Path, model: Any, every: int, steps: int, start: Path | None = None) -> list[int]:
    save = ModelCheckpoint(folder, "{step}", save_top_k=-1, **{EVERY: every})
    trainer = quiet_trainer(
        folder,
        max_epochs=-1,
        max_steps=steps,
        enable_checkpointing=True,
        callbacks=[StepIntervals(), save],
    )
    trainer.fit(model, TinyImages(batch_size=8), ckpt_path=start)
    return sorted(int(re.sub(r"\D", "", path.name)) for path in folder.glob("*.ckpt"))


@pytest.mark.parametrize("n_critic", [1, 2, 3, 5])
def test_a_save_every_seven_steps(n_critic: int, tmp_path: Path) -> None:
    found = saves(tmp_path, tiny_wgan(n_critic=n_critic), 7, 70)
    assert [step // 7 for step in found] == list(range(1, 11))
    assert all(step % 7 < 2 for step in found)  # of two steps of a batch the second at the latest


def test_a_resumed_run_saves_at_the_same_steps(tmp_path: Path) -> None:
    whole = saves(tmp_path / "whole", tiny_wgan(n_critic=3), 7, 42)
    start = tmp_path / "whole" / "step=14.ckpt"
    assert saves(tmp_path / "rest", tiny_wgan(n_critic=3), 7, 42, start) == whole[2:]
    states = torch.load(start, weights_only=True)["callbacks"]
    assert any("'every_n_train_steps': 7," in name for name in states)  # as Lightning names it


def test_models_that_lightning_steps_are_left_alone(tmp_path: Path) -> None:
    assert saves(tmp_path, tiny_vae(), 7, 21) == [7, 14, 21]


def test_lightning_still_counts_by_this_name() -> None:
    assert ModelCheckpoint(**{EVERY: 7})._every_n_train_steps == 7
