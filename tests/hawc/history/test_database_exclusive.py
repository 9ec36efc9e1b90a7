"""`exclusive` makes others wait, and is rolled back on an error."""

import threading
import time

import pytest
import torch

from hawc.history import DatabaseHistory, HistoryConflictError
from hawc.samplers import IndependentSampler
from hawc.targets import StandardNormal

PLANE = StandardNormal(2)


def test_others_wait_and_then_have_a_conflict(url: str) -> None:
    first, second = (
        DatabaseHistory(url, PLANE, create=True),
        DatabaseHistory(url, PLANE, create=True),
    )
    conflict = threading.Event()

    def append() -> None:
        with pytest.raises(HistoryConflictError):
            second.append(torch.zeros(1, 2), expected_length=0)
        conflict.set()

    other = threading.Thread(target=append)
    with first.exclusive():
        other.start()
        time.sleep(0.3)  # long enough to ask for the lock
        assert not conflict.is_set()
        first.append(torch.ones(2, 2), expected_length=len(first.points()))
    other.join(timeout=60)
    assert conflict.is_set()
    assert torch.equal(second.points(), torch.ones(2, 2))
    assert torch.equal(first.points(), torch.ones(2, 2))


def test_others_see_the_batch_afterwards(url: str) -> None:
    first, second = (
        DatabaseHistory(url, PLANE, create=True),
        DatabaseHistory(url, PLANE, create=True),
    )
    with first.exclusive():
        first.append(torch.ones(2, 2), expected_length=0)
        assert len(second.points()) == 0
    assert len(second.points()) == 2


def test_an_error_within_rolls_back_the_append(url: str) -> None:
    history = DatabaseHistory(url, PLANE, create=True)

    def interrupted() -> None:
        with history.exclusive():
            history.append(torch.ones(2, 2), expected_length=0)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert len(history.points()) == len(history) == 0
    history.append(torch.zeros(1, 2), expected_length=0)  # no lock is left
    assert torch.equal(DatabaseHistory(url, PLANE, create=True).points(), torch.zeros(1, 2))


def test_a_wrong_length_is_a_conflict_within_too(url: str) -> None:
    history = DatabaseHistory(url, PLANE, create=True)
    history.append(torch.ones(2, 2), expected_length=0)
    with pytest.raises(HistoryConflictError), history.exclusive():
        history.append(torch.ones(2, 2), expected_length=0)
    assert len(history) == 2


def test_only_the_holder_sees_its_uncommitted_appends(url: str) -> None:
    first = DatabaseHistory(url, PLANE, create=True)
    first.append(torch.zeros(1, 2), expected_length=0)
    fresh = DatabaseHistory(url, PLANE, create=True)  # has read nothing yet
    with fresh.exclusive():
        fresh.append(torch.ones(2, 2), expected_length=1, label="a")
        with fresh.exclusive():
            fresh.append(torch.full((1, 2), 2.0), expected_length=3)
        expected = torch.tensor([[0.0], [1.0], [1.0], [2.0]]).repeat(1, 2)
        assert len(fresh) == 4
        assert torch.equal(fresh.view(), expected)
        assert torch.equal(fresh.points(), expected)
        assert fresh.label_at(1) == "a"
        assert len(first.points()) == len(first) == 1
    assert torch.equal(fresh.points(), expected)
    assert torch.equal(first.points(), expected)


def test_views_of_the_holder_are_rolled_back_too(url: str) -> None:
    history = DatabaseHistory(url, PLANE, create=True)

    def interrupted() -> None:
        with history.exclusive():
            history.append(torch.ones(2, 2), expected_length=0)
            assert len(history.view()) == 2
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert len(history.view()) == len(history) == 0


def test_a_sampler_works_within(url: str) -> None:
    sampler = IndependentSampler(PLANE, DatabaseHistory(url, PLANE, create=True))
    generator = torch.Generator().manual_seed(0)
    with sampler.history.exclusive():
        batches = [sampler.sample(2, generator=generator) for _ in range(2)]
    assert torch.equal(sampler.history.points(), torch.cat(batches))
