"""Random numbers of a step are a function of seed, step and rank alone."""

import pytest
import torch

from lightning_modules.base import step_seed
from lightning_modules.base.step_seed import seed_step


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


@pytest.mark.usefixtures("seed_three")
def test_seeds_accelerators_where_there_are_any(monkeypatch: pytest.MonkeyPatch) -> None:
    without = draw((5,), 0)
    seeds: list[int] = []
    monkeypatch.setattr(step_seed, "_has_accelerator", lambda: True)
    monkeypatch.setattr(torch, "manual_seed", seeds.append)
    seed_step((5,), 0)
    (seed,) = seeds
    torch.default_generator.manual_seed(seed)
    assert float(torch.rand(())) == without


@pytest.mark.gpu
@pytest.mark.usefixtures("seed_three")
def test_seeds_the_gpu() -> None:
    drawn = []
    for step in (1, 2, 1):
        seed_step((step,), 0)
        drawn.append(float(torch.rand((), device="cuda")))
    assert drawn[0] == drawn[2] != drawn[1]


def test_does_nothing_without_a_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PL_GLOBAL_SEED", raising=False)
    torch.manual_seed(8)
    expected = float(torch.rand(()))
    torch.manual_seed(8)
    assert draw((1,), 0) == expected
