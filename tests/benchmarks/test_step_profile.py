"""A profile looks at what a training does."""

import signal
import sys
from collections import Counter
from types import FrameType

import pytest
import torch

from benchmarks import speed_contestants, step_profile
from benchmarks.step_profile import OTHER, Sampler, part_of, profile, rows
from benchmarks.turns import Schedule
from networks import MLPEncoder


def frame_of_a_forward_pass() -> FrameType:
    """Returns the frame of a forward hook that is called in the middle of a network."""
    frames: list[FrameType] = []
    network = MLPEncoder((2,), 1, (4,))
    network[1].register_forward_hook(lambda *_: frames.append(sys._getframe()))
    network(torch.zeros(1, 2))
    return frames[0]


def test_the_innermost_known_call_counts() -> None:
    assert part_of(frame_of_a_forward_pass()) == "forward passes and losses"
    frames: list[FrameType] = []
    weight = torch.zeros(1, requires_grad=True)
    weight.register_hook(lambda gradient: frames.append(sys._getframe()) or gradient)
    optimizer = torch.optim.SGD([weight], lr=1.0)

    def closure() -> float:
        weight.sum().backward()
        return 0.0

    optimizer.step(closure)  # the pass is within the optimizer's step
    assert part_of(frames[0]) == "backward passes"
    assert part_of(None) == OTHER


def test_a_training_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    schedules = {"tiny": Schedule(blocks=1, length=60, skipped=2)}
    for module in (speed_contestants, step_profile):
        monkeypatch.setattr(module, "SCHEDULES", schedules)
    monkeypatch.setattr(sys, "argv", ["train.py"])
    monkeypatch.setenv("WANDB_MODE", "offline")
    counts = profile("GAN", "tiny")
    assert counts.total() > 0
    assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0)


def test_a_training_that_ends_early_is_no_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step_profile, "run_ours", lambda *_: None)
    with pytest.raises(RuntimeError, match="ended before its last step"):
        profile("GAN", "tiny")


def test_the_skipped_steps_are_not_counted() -> None:
    sampler = Sampler(Schedule(blocks=1, length=1, skipped=2))
    sampler.tick()
    assert signal.getitimer(signal.ITIMER_PROF)[0] == 0
    sampler.tick()
    assert signal.getitimer(signal.ITIMER_PROF)[0] > 0
    with pytest.raises(Sampler.Done):
        sampler.tick()
    assert signal.getitimer(signal.ITIMER_PROF)[0] == 0


def test_shares_add_up() -> None:
    table = list(rows(Counter({"data": 1, "optimizers": 3})))
    assert table[2:] == ["| optimizers | 75.0% |", "| data | 25.0% |"]
