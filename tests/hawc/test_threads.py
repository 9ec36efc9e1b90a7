"""One thread for small work, and the old number afterwards, whatever happens."""

import threading
from collections.abc import Iterator

import pytest
import torch

from hawc.threads import one_thread


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
