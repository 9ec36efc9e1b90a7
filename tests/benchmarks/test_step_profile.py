"""A profile adds up the processor time of the parts of a training."""

import signal
import sys
import time
from types import FrameType

import pytest
import torch

from benchmarks import speed_contestants, step_profile
from benchmarks.phases import Schedule
from benchmarks.step_profile import OTHER, StackSampler, part_of, profile, rows
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


def test_callbacks_of_this_project_are_separate_from_lightning_s() -> None:
    source = "import sys\nframe = sys._getframe()"
    for path, part in (
        ("/x/site-packages/lightning/pytorch/callbacks/model_checkpoint.py", "Lightning"),
        ("/x/callbacks/epoch_completion.py", "this project"),
    ):
        names: dict[str, FrameType] = {}
        exec(compile(source, path, "exec"), names)
        assert part_of(names["frame"]) == f"callbacks of {part}"


def test_a_training_is_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    schedules = {"tiny": Schedule(blocks=1, length=60, skipped=2)}
    for module in (speed_contestants, step_profile):
        monkeypatch.setattr(module, "SCHEDULES", schedules)
    monkeypatch.setattr(sys, "argv", ["train.py"])
    monkeypatch.setenv("WANDB_MODE", "offline")
    before = signal.getsignal(signal.SIGPROF)
    seconds = profile("GAN", "tiny")
    assert sum(seconds.values()) > 0
    assert signal.getsignal(signal.SIGPROF) == before
    assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0)


def test_a_training_that_ends_early_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step_profile, "run_ours", lambda *_: None)
    with pytest.raises(RuntimeError, match="ended before its last step"):
        profile("GAN", "tiny")


def test_the_skipped_steps_are_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    set_to: list[float] = []
    monkeypatch.setattr(signal, "setitimer", lambda _, seconds, *__: set_to.append(seconds))
    sampler = StackSampler(Schedule(blocks=1, length=1, skipped=2))
    sampler.tick()
    assert set_to == []
    sampler.tick()
    assert set_to == [step_profile.INTERVAL]
    with pytest.raises(StackSampler.Done):
        sampler.tick()


def test_a_sample_counts_the_time_since_the_last_one(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(time, "process_time", lambda: now)
    monkeypatch.setattr(signal, "setitimer", lambda *_: None)
    sampler = StackSampler(Schedule(blocks=1, length=9, skipped=1))
    sampler.tick()
    now = 0.75  # a kernel, during which Python handles no signal
    sampler.sample(signal.SIGPROF, frame_of_a_forward_pass())
    now = 1.0
    sampler.sample(signal.SIGPROF, None)
    assert sampler.seconds == {"forward passes and losses": 0.75, OTHER: 0.25}


def test_shares_add_up() -> None:
    table = list(rows({"data": 0.01, "optimizers": 0.03}, steps=10))
    assert table[2:] == ["| optimizers | 3.00 | 75.0% |", "| data | 1.00 | 25.0% |"]
