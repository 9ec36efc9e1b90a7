"""Modes and random numbers are put back, whatever happens within."""

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
    drawn = []
    for seed in (3, 3, 4):
        with fixed_noise(seed):
            drawn.append(torch.rand(5))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


def exported(module: nn.Module) -> nn.Module:
    return torch.export.export(module, (torch.ones(2, 3),)).module()


def test_an_exported_program_stays_as_it_is() -> None:
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
    state, drawn = device.get_state(), []
    for seed in (3, 3, 4):
        with fixed_noise(seed):
            drawn.append(torch.rand(5, generator=device))
    assert torch.equal(device.get_state(), state)
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


@pytest.mark.gpu
def test_cuda_keeps_its_global_generators_where_noise_is_fixed() -> None:
    torch.rand(1, device="cuda")
    assert torch.cuda.default_generators  # empty until CUDA is in use
