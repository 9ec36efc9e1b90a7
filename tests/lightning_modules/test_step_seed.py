"""Random numbers of a step: a function of seed, step and rank, and of nothing else."""

import pytest
import torch

from lightning_modules.step_seed import seed_step


def draw(step: tuple[int, ...], rank: int) -> float:
    seed_step(step, rank)
    return float(torch.rand(()))


@pytest.fixture
def seed_three(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PL_GLOBAL_SEED", "3")


@pytest.mark.usefixtures("seed_three")
def test_differs_between_steps_and_ranks_and_repeats() -> None:
    places = [((step, batch), rank) for step in range(5) for batch in range(5) for rank in range(4)]
    drawn = [draw(step, rank) for step, rank in places]
    assert len(set(drawn)) == len(places)
    torch.rand(7)
    assert [draw(step, rank) for step, rank in places] == drawn


@pytest.mark.usefixtures("seed_three")
def test_differs_between_seeds(monkeypatch: pytest.MonkeyPatch) -> None:
    before = draw((0,), 0)
    monkeypatch.setenv("PL_GLOBAL_SEED", "4")
    assert draw((0,), 0) != before


def test_does_nothing_without_a_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PL_GLOBAL_SEED", raising=False)
    torch.manual_seed(8)
    expected = float(torch.rand(()))
    torch.manual_seed(8)
    assert draw((1,), 0) == expected
