"""Features of candidates: shared, bounded, and written with the samples' transactions."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from hawc.history import MAX_CANDIDATES, AbstractHistory, DatabaseHistory, MemoryHistory
from hawc.samplers import Features, LatentsWithFeatures
from hawc.targets import StandardNormal

ROWS = LatentsWithFeatures(StandardNormal(2), Features(3))


def features(first: int, count: int) -> torch.Tensor:
    return torch.arange(first, first + count)[:, None].expand(count, 3).double()


@pytest.fixture(params=["sqlite", "postgresql", "memory"])
def opened(request: pytest.FixtureRequest) -> Callable[..., AbstractHistory]:
    """Returns a function that opens a history, of one store; in memory always the same."""
    if request.param == "memory":
        memory = MemoryHistory()
        memory.bind(ROWS)
        return lambda: memory
    fixture = request.getfixturevalue
    url = fixture("sqlite_url") if request.param == "sqlite" else fixture("postgresql")()
    return lambda condition="": DatabaseHistory(url, ROWS, condition=condition, create=True)


def test_others_see_them_in_order(opened: Callable[..., AbstractHistory]) -> None:
    first, second = opened(), opened()
    assert first.candidates().shape == second.candidates().shape == (0, 3)
    first.add_candidates(features(0, 5))
    before = second.candidates()
    second.add_candidates(features(5, 2).tolist())
    assert torch.equal(before, features(0, 5))
    assert torch.equal(first.candidates(), features(0, 7))
    assert torch.equal(opened().candidates(), features(0, 7))
    assert len(first) == 0


def test_the_first_ones_are_kept(opened: Callable[..., AbstractHistory]) -> None:
    first, second = opened(), opened()
    first.add_candidates(features(0, MAX_CANDIDATES - 3))
    second.add_candidates(features(MAX_CANDIDATES - 3, 50))
    first.add_candidates(features(0, 9))
    for history in (first, second, opened()):
        assert torch.equal(history.candidates(), features(0, MAX_CANDIDATES))


def test_refuses_other_features(opened: Callable[..., AbstractHistory]) -> None:
    history = opened()
    for wrong in (torch.ones(2, 4), torch.full((2, 3), torch.nan)):
        with pytest.raises(ValueError, match="`features` must"):
            history.add_candidates(wrong)
    assert len(history.candidates()) == 0


def test_writers_at_once_lose_and_double_none(url: str) -> None:
    DatabaseHistory(url, ROWS, create=True)

    def add(first: int) -> None:
        DatabaseHistory(url, ROWS).add_candidates(features(first, 10))

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(add, range(0, 60, 10)))
    found = DatabaseHistory(url, ROWS).candidates()
    assert sorted(found[:, 0].tolist()) == list(range(60))
    assert all(torch.equal(part[:, 0], part[0, 0] + torch.arange(10)) for part in found.split(10))


def test_conditions_have_their_own(url: str) -> None:
    cat, dog = (DatabaseHistory(url, ROWS, condition=c, create=True) for c in ("cat", "dog"))
    cat.add_candidates(features(0, 5))
    assert (len(cat.candidates()), len(dog.candidates()), len(cat), len(dog)) == (5, 0, 0, 0)


def test_they_are_rolled_back_with_the_samples(url: str) -> None:
    history = DatabaseHistory(url, ROWS, create=True)
    other = DatabaseHistory(url, ROWS)

    def add_and_fail() -> None:
        with history.exclusive():
            history.add_candidates(features(0, 5))
            assert len(history.candidates()) == 5
            if url.startswith("postgresql"):
                assert len(other.candidates()) == 0
            raise KeyError

    with pytest.raises(KeyError):
        add_and_fail()
    assert len(history.candidates()) == len(other.candidates()) == 0
    history.add_candidates(features(0, 5))
    with history.exclusive():
        history.add_candidates(features(5, 5))
    assert torch.equal(history.candidates(), features(0, 10))
    assert torch.equal(other.candidates(), features(0, 10))
