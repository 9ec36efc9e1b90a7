"""Threads of one process share a history or a sampler without losing points."""

import copy
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor, nn

from hawc.compression import Deterministic
from hawc.history import AbstractHistory, DatabaseHistory, HistoryConflictError, MemoryHistory
from hawc.samplers import (
    AbstractSampler,
    FeatureSampler,
    HistoryAwareSampler,
    IndependentSampler,
    SobolSampler,
)
from hawc.targets import Empirical, StandardNormal

PLANE = StandardNormal(2)
THREADS, BATCHES = 8, 6


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def new_history(request: pytest.FixtureRequest) -> Callable[[], AbstractHistory]:
    """Returns a function to a new object of one history, or to the one in memory."""
    if request.param == "memory":
        only = MemoryHistory(2)
        return lambda: only
    if request.param == "sqlite":
        url = request.getfixturevalue("sqlite_url")
    else:
        url = request.getfixturevalue("postgresql")()
    return lambda: DatabaseHistory(url, PLANE, create=True)


@pytest.fixture
def history(new_history: Callable[[], AbstractHistory]) -> AbstractHistory:
    return new_history()


@pytest.fixture(autouse=True)
def many_switches() -> Iterator[None]:
    """Let threads switch a thousand times as often as usual."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(5e-6)
    yield
    sys.setswitchinterval(before)


def in_threads(work: Callable[[int], list[Tensor]]) -> list[Tensor]:
    """Returns the batches of all threads, which begin together."""
    together = threading.Barrier(THREADS, timeout=60)

    def begin(number: int) -> list[Tensor]:
        together.wait()
        return work(number)

    with ThreadPoolExecutor(THREADS) as threads:
        return [batch for batches in threads.map(begin, range(THREADS)) for batch in batches]


def check_nothing_is_lost(history: AbstractHistory, batches: list[Tensor]) -> None:
    """Fail unless the history consists of the batches, each once and whole."""
    points = history.points()
    assert len(batches) == THREADS * BATCHES
    assert len(points) == len(history) == sum(len(batch) for batch in batches)
    places = [(points == batch[0]).all(1).nonzero().flatten().tolist() for batch in batches]
    assert all(len(place) == 1 for place in places)
    for (place,), batch in zip(places, batches, strict=True):
        assert torch.equal(points[place : place + len(batch)], batch)


def sample_six_times(sampler: AbstractSampler, thread: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(thread)
    return [sampler.sample(2, generator=generator) for _ in range(BATCHES)]


@pytest.mark.parametrize("kind", [HistoryAwareSampler, IndependentSampler])
def test_one_sampler_serves_eight_threads(
    kind: type[HistoryAwareSampler], history: AbstractHistory
) -> None:
    quick = {"solver": Deterministic(1, 3)} if kind is HistoryAwareSampler else {}
    sampler = kind(PLANE, history=history, **quick)
    batches = in_threads(lambda thread: sample_six_times(sampler, thread))
    check_nothing_is_lost(history, batches)


def test_feature_samplers_serve_eight_threads() -> None:
    decoder = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Dropout()).eval()
    with torch.no_grad():
        data = Empirical(decoder(torch.randn(50, 2)))
    decoder.train()
    weights, state = copy.deepcopy(decoder.state_dict()), torch.get_rng_state()
    settings = {"data": data, "num_candidates": 20, "num_steps": 0}
    samplers = [
        FeatureSampler(PLANE, decode=decoder, features=lambda x: x, **settings) for _ in range(2)
    ]
    latents = in_threads(lambda thread: sample_six_times(samplers[thread % 2], thread))
    rows = torch.cat([sampler.history.points() for sampler in samplers])
    assert sorted(torch.cat(latents).tolist()) == sorted(rows[:, :2].tolist())
    assert decoder.training
    assert decoder[2].training
    assert all(torch.equal(weights[name], now) for name, now in decoder.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)
    decoder.eval()
    assert torch.allclose(decoder(rows[:, :2]), rows[:, 2:])


def test_one_sobol_sequence_is_continued_by_all_threads(history: AbstractHistory) -> None:
    in_threads(lambda thread: sample_six_times(SobolSampler(PLANE, history), thread))
    expected = SobolSampler(PLANE).sample(96, generator=torch.Generator())
    assert torch.equal(history.points(), expected)


@pytest.mark.parametrize("one_object", [True, False])
def test_samplers_of_one_history_lose_nothing(
    new_history: Callable[[], AbstractHistory], one_object: bool
) -> None:
    shared = new_history()
    samplers = [
        IndependentSampler(PLANE, shared if one_object else new_history()) for _ in range(THREADS)
    ]
    batches = in_threads(lambda thread: sample_six_times(samplers[thread], thread))
    check_nothing_is_lost(shared, batches)


def test_threads_append_and_read_at_once(history: AbstractHistory) -> None:
    def append(thread: int) -> list[Tensor]:
        generator = torch.Generator().manual_seed(thread)
        batches = [torch.randn(3, 2, generator=generator) for _ in range(BATCHES)]
        for batch in batches:
            while True:
                past = history.view()
                before = past.clone()
                assert past.isfinite().all()
                try:
                    history.append(batch, expected_length=len(past))
                except HistoryConflictError:
                    continue
                finally:
                    assert torch.equal(past, before)
                break
        return batches

    check_nothing_is_lost(history, in_threads(append))


def test_another_thread_waits_for_the_exclusive_one(history: AbstractHistory) -> None:
    conflict = threading.Event()

    def append() -> None:
        with pytest.raises(HistoryConflictError):
            history.append(torch.zeros(1, 2), expected_length=0)
        conflict.set()

    other = threading.Thread(target=append)
    with history.exclusive():
        other.start()
        time.sleep(0.2)  # long enough to ask for the lock
        assert not conflict.is_set()
        assert len(history) == len(history.points()) == 0  # reading does not wait
        history.append(torch.ones(2, 2), expected_length=0)
    other.join(60)
    assert conflict.is_set()
    assert torch.equal(history.points(), torch.ones(2, 2))


def test_reading_does_not_wait_for_the_exclusive_thread(history: AbstractHistory) -> None:
    with history.exclusive(), ThreadPoolExecutor(1) as other:
        assert len(other.submit(history.points).result(timeout=60)) == 0
        assert other.submit(len, history).result(timeout=60) == 0


def test_one_thread_may_enter_twice(history: AbstractHistory) -> None:
    with history.exclusive():
        with history.exclusive():
            history.append(torch.ones(1, 2), expected_length=0)
        history.append(torch.ones(1, 2), expected_length=1)
    assert len(history) == len(history.points()) == 2


def test_check_writable_rolls_back_nothing_else(url: str) -> None:
    history = DatabaseHistory(url, PLANE, create=True)
    with history.exclusive():
        history.append(torch.ones(1, 2), expected_length=0)
        history.check_writable()
    history.check_writable()
    assert torch.equal(history.points(), torch.ones(1, 2))


@pytest.mark.filterwarnings("ignore:.*multi-threaded")  # what is tested
def test_a_fork_does_not_inherit_a_held_lock() -> None:
    """The thread that holds the lock does not exist in the child, which would wait for ever."""
    history = MemoryHistory(2)
    inside, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with history.exclusive():
            inside.set()
            leave.wait(60)

    holder = threading.Thread(target=hold)
    holder.start()
    assert inside.wait(60)
    child = os.fork()
    if child == 0:
        try:
            history.append(torch.ones(1, 2), expected_length=0)
        finally:
            os._exit(0 if len(history) == 1 else 1)
    leave.set()
    holder.join(60)
    assert has_succeeded(child)
    assert len(history) == 0


def has_succeeded(child: int) -> bool:
    """Returns whether a child process exits within a minute, with status 0."""
    for _ in range(600):
        process, status = os.waitpid(child, os.WNOHANG)
        if process:
            return status == 0
        time.sleep(0.1)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return False
