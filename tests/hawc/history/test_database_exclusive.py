"""Keeping others from appending: they wait, and nothing of a broken turn is left."""

import threading
import time

import pytest
import torch

from hawc.history import DatabaseHistory, HistoryConflictError
from hawc.samplers import IndependentSampler
from hawc.targets import StandardNormal

PLANE = StandardNormal(2)


def test_others_wait_and_come_too_late(url: str) -> None:
    ours, theirs = DatabaseHistory(url, PLANE), DatabaseHistory(url, PLANE)
    came_late = threading.Event()

    def append() -> None:
        with pytest.raises(HistoryConflictError):
            theirs.append(torch.zeros(1, 2), expected_length=0)
        came_late.set()

    other = threading.Thread(target=append)
    with ours.exclusive():
        other.start()
        time.sleep(0.3)  # it has long asked by now
        assert not came_late.is_set()
        ours.append(torch.ones(2, 2), expected_length=len(ours.points()))
    other.join(timeout=60)
    assert came_late.is_set()
    assert torch.equal(theirs.points(), torch.ones(2, 2))
    assert torch.equal(ours.points(), torch.ones(2, 2))


def test_others_see_the_batch_when_it_is_left(url: str) -> None:
    ours, theirs = DatabaseHistory(url, PLANE), DatabaseHistory(url, PLANE)
    with ours.exclusive():
        ours.append(torch.ones(2, 2), expected_length=0)
        assert len(theirs.points()) == 0
    assert len(theirs.points()) == 2


def test_an_error_within_undoes_the_append(url: str) -> None:
    history = DatabaseHistory(url, PLANE)

    def interrupted() -> None:
        with history.exclusive():
            history.append(torch.ones(2, 2), expected_length=0)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert len(history.points()) == len(history) == 0
    history.append(torch.zeros(1, 2), expected_length=0)  # nobody is kept out any more
    assert torch.equal(DatabaseHistory(url, PLANE).points(), torch.zeros(1, 2))


def test_a_wrong_length_is_a_conflict_within_too(url: str) -> None:
    history = DatabaseHistory(url, PLANE)
    history.append(torch.ones(2, 2), expected_length=0)
    with pytest.raises(HistoryConflictError), history.exclusive():
        history.append(torch.ones(2, 2), expected_length=0)
    assert len(history) == 2


def test_the_holder_sees_its_own_appends_and_others_do_not(url: str) -> None:
    ours = DatabaseHistory(url, PLANE)
    ours.append(torch.zeros(1, 2), expected_length=0)
    fresh = DatabaseHistory(url, PLANE)  # has read nothing yet
    with fresh.exclusive():
        fresh.append(torch.ones(2, 2), expected_length=1, label="mine")
        with fresh.exclusive():
            fresh.append(torch.full((1, 2), 2.0), expected_length=3)
        expected = torch.tensor([[0.0], [1.0], [1.0], [2.0]]).repeat(1, 2)
        assert len(fresh) == 4
        assert torch.equal(fresh.view(), expected)
        assert torch.equal(fresh.points(), expected)
        assert fresh.label_at(1) == "mine"
        assert len(ours.points()) == len(ours) == 1
    assert torch.equal(fresh.points(), expected)
    assert torch.equal(ours.points(), expected)


def test_what_the_holder_has_seen_is_forgotten_when_it_is_undone(url: str) -> None:
    history = DatabaseHistory(url, PLANE)

    def interrupted() -> None:
        with history.exclusive():
            history.append(torch.ones(2, 2), expected_length=0)
            assert len(history.view()) == 2
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert len(history.view()) == len(history) == 0


def test_a_sampler_goes_on_within(url: str) -> None:
    sampler = IndependentSampler(PLANE, DatabaseHistory(url, PLANE))
    generator = torch.Generator().manual_seed(0)
    with sampler.history.exclusive():
        batches = [sampler.sample(2, generator=generator) for _ in range(2)]
    assert torch.equal(sampler.history.points(), torch.cat(batches))
