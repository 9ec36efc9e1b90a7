"""One thread for small computations, the old number afterwards; locks free in copies."""

import copy
import pickle
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from hawc.compression import Deterministic
from hawc.samplers import HistoryAwareSampler
from hawc.targets import StandardNormal
from hawc.threads import ThreadLock, one_thread


@pytest.fixture(autouse=True)
def three_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def test_one_thread_inside_and_the_old_number_after() -> None:
    with one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 3


def test_nothing_changes_where_it_is_not_wanted() -> None:
    with one_thread(wanted=False):
        assert torch.get_num_threads() == 3


def test_comes_back_after_an_error() -> None:
    with pytest.raises(ZeroDivisionError), one_thread():
        raise ZeroDivisionError
    assert torch.get_num_threads() == 3


def test_other_threads_neither_lose_nor_keep_their_number() -> None:
    inside, leave, seen = threading.Event(), threading.Event(), []

    def other() -> None:
        torch.set_num_threads(2)
        with one_thread():
            inside.set()
            leave.wait(60)
        seen.append(torch.get_num_threads())

    thread = threading.Thread(target=other)
    with one_thread():
        thread.start()
        assert inside.wait(60)
    assert torch.get_num_threads() == 3  # though the other is still at work
    leave.set()
    thread.join(60)
    assert seen == [2]
    assert torch.get_num_threads() == 3


def test_a_thread_that_first_uses_torch_meanwhile_keeps_the_lower_number() -> None:
    # PyTorch's doing; should it change, the docstring of `one_thread` may promise more
    seen: list[int] = []
    with one_thread():
        thread = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
        thread.start()
        thread.join(60)
    assert seen == [1]


def test_many_threads_at_once_do_not_change_the_number() -> None:
    together = threading.Barrier(8, timeout=60)

    def work(_: int) -> set[int]:
        torch.set_num_threads(3)
        together.wait()
        seen = set()
        for _ in range(50):
            with one_thread():
                seen.add(torch.get_num_threads())
        return {*seen, -torch.get_num_threads()}

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(work, range(8))) == [{1, -3}] * 8
    assert torch.get_num_threads() == 3
    with ThreadPoolExecutor(1) as new:  # takes the number that was set last in any thread
        assert new.submit(torch.get_num_threads).result(timeout=60) == 3


def test_threads_of_one_sampler_keep_their_number() -> None:
    sampler = HistoryAwareSampler(StandardNormal(2), solver=Deterministic(1, 3))

    def work(seed: int) -> int:
        sampler.sample(1, generator=torch.Generator().manual_seed(seed))
        return torch.get_num_threads()

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(work, range(4))) == [3] * 4


def enter(lock: ThreadLock) -> bool:
    with lock:
        return True


@pytest.mark.parametrize("after_fork", [False, True])
def test_a_lock_is_for_one_thread_which_may_take_it_twice(after_fork: bool) -> None:
    lock = ThreadLock()
    with ThreadPoolExecutor(1) as other:
        with lock, lock:
            if after_fork:  # of the thread that holds it, which goes on in the child
                lock.free_in_child()
            waits = other.submit(enter, lock)
            with pytest.raises(TimeoutError):
                waits.result(timeout=0.1)
        assert waits.result(timeout=60)


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]
)
def test_a_copy_of_a_lock_is_free(copied: Callable[[ThreadLock], ThreadLock]) -> None:
    lock = ThreadLock()
    with lock, ThreadPoolExecutor(1) as other:
        assert other.submit(enter, copied(lock)).result(timeout=60)
