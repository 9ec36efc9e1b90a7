"""Modes and random numbers are put back, whatever happens within."""

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
        with fixed_noise(torch.device("cpu"), seed):
            drawn.append(torch.rand(5))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])
