"""What each test begins with, and what is put back when it ends."""

import os
import random
import signal

import numpy as np
import pytest
import torch

from tests import conftest


@pytest.mark.parametrize("again", range(2))
def test_a_test_begins_with_the_same_random_numbers(again: int) -> None:
    found = random.random(), np.random.random(), torch.rand(()).item()  # noqa: NPY002  as seeded
    first = np.random.RandomState(0).random()
    expected = random.Random(0).random(), first, torch.rand((), generator=torch.manual_seed(0))
    assert found == expected, again


def test_a_signal_without_a_handler_of_python_is_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with monkeypatch.context() as patched:
        patched.setattr(signal, "getsignal", lambda _: None)
        surroundings = conftest._surroundings()
    conftest._put_back(*surroundings)
    assert signal.getsignal(signal.SIGTERM) == before
    assert {**os.environ} == surroundings[0]
