"""Modes and random states are restored, after errors too."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import final

import pytest
import torch
from torch import nn

from hawc.module_state import fixed_noise, in_eval_mode


def test_modes_of_all_modules_are_put_back_one_by_one() -> None:
    first, second = nn.Sequential(nn.Dropout(), nn.Dropout()), nn.Dropout()
    first[1].eval()
    with in_eval_mode(first, second):
        assert not any(part.training for part in (first, *first, second))
    assert [part.training for part in (first, *first, second)] == [True, True, False, True]


def test_modes_are_put_back_after_an_error() -> None:
    module = nn.Dropout()
    with pytest.raises(KeyError), in_eval_mode(module):
        raise KeyError
    assert module.training


def test_noise_depends_on_the_seed_alone_and_leaves_the_state() -> None:
    state = torch.get_rng_state()
    numbers = []
    for seed in (3, 3, 4):
        with fixed_noise(seed):
            numbers.append(torch.rand(5))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(numbers[0], numbers[1])
    assert not torch.equal(numbers[0], numbers[2])


def exported(module: nn.Module) -> nn.Module:
    return torch.export.export(module, (torch.ones(2, 3),)).module()


def test_an_exported_program_is_unchanged() -> None:
    program = exported(nn.Sequential(nn.Linear(3, 3), nn.ReLU()).eval())
    around = nn.Sequential(nn.Dropout(), program, nn.Dropout())
    before = [part.training for part in around.modules()]
    with in_eval_mode(program, around):
        assert not around.training
        assert not around[0].training
        assert not around[2].training
        around(torch.ones(2, 3))
    assert [part.training for part in around.modules()] == before


def test_a_frozen_script_has_no_mode() -> None:
    frozen = torch.jit.freeze(torch.jit.script(nn.Linear(3, 3).eval()))
    with in_eval_mode(frozen):
        frozen(torch.ones(2, 3))


def test_modes_are_put_back_after_an_error_of_the_switch() -> None:
    @final
    class Stubborn(nn.Module):
        def train(self, mode: bool = True) -> nn.Module:
            raise KeyError

    first = nn.Dropout()
    with pytest.raises(KeyError), in_eval_mode(first, Stubborn()):
        pass
    assert first.training


def test_noise_of_every_device_in_use_is_fixed(monkeypatch: pytest.MonkeyPatch) -> None:
    device = torch.Generator().manual_seed(1)  # in place of a CUDA device's
    monkeypatch.setattr(torch.cuda, "default_generators", (device,))
    state, numbers = device.get_state(), []
    for seed in (3, 3, 4):
        with fixed_noise(seed):
            numbers.append(torch.rand(5, generator=device))
    assert torch.equal(device.get_state(), state)
    assert torch.equal(numbers[0], numbers[1])
    assert not torch.equal(numbers[0], numbers[2])


@pytest.mark.gpu
def test_cuda_keeps_its_global_generators_where_noise_is_fixed() -> None:
    torch.rand(1, device="cuda")
    assert torch.cuda.default_generators  # empty until CUDA is in use


def test_a_module_stays_in_eval_mode_until_the_last_thread_leaves() -> None:
    module, inside, leave, seen = nn.Dropout(), threading.Event(), threading.Event(), []

    def use() -> None:
        with in_eval_mode(module):
            inside.set()
            leave.wait(60)
            seen.append(module.training)

    with in_eval_mode(module), ThreadPoolExecutor(1) as other:
        used = other.submit(use)
        assert inside.wait(60)
        leave.set()
        used.result(timeout=60)
        assert not module.training
    inside.clear()
    leave.clear()
    with ThreadPoolExecutor(1) as other:
        with in_eval_mode(module):
            used = other.submit(use)
            assert inside.wait(60)
        assert not module.training  # the other one is still at work
        leave.set()
        used.result(timeout=60)
    assert seen == [False, False]
    assert module.training


def test_noise_of_one_thread_is_not_disturbed_by_another() -> None:
    state = torch.get_rng_state()

    def draw(seed: int) -> torch.Tensor:
        with fixed_noise(seed):
            parts = []
            for _ in range(50):
                parts.append(torch.rand(1))
                time.sleep(0)  # lets others go first
            return torch.cat(parts)

    alone = [draw(seed) for seed in range(8)]
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(draw, range(8)))
    assert all(torch.equal(a, b) for a, b in zip(alone, together, strict=True))
    assert torch.equal(torch.get_rng_state(), state)
