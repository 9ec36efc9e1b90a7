"""Lightning's loop ticks after each step; test_bare_loops.py compares the steps themselves."""

import pytest

from benchmarks.lightning_alone import train_alone
from tests.benchmarks.test_bare_loops import SMALL


@pytest.mark.parametrize("name", ["EnergyVAE", "WGAN"])
@pytest.mark.filterwarnings("ignore")
def test_each_step_ticks(name: str) -> None:
    ticks: list[None] = []
    train_alone(name, SMALL, lambda: ticks.append(None))
    assert len(ticks) == SMALL.num_steps
