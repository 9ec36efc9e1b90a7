"""Processes of each start method that receive histories and append to them at once.

    python -m tests.gallery_starts METHOD STORE...

METHOD is fork, spawn or forkserver. A STORE is the URL of an empty store, or `memory`. Run as a
program, since it forks: a process with other threads should not.
"""

import multiprocessing
import sys
from dataclasses import dataclass
from typing import Any, final

import torch

from hawc import DatabaseHistory, MemoryHistory
from hawc.history import AbstractHistory, HistoryConflictError, galleries
from tests.gallery_writers import Label, labelled_batch, whole_batches

GALLERY = "Größe größer"
CHILDREN, BATCHES = 2, 5
PARENT = 9  # the number of its batches, among those of writers 0, 1, ...


@final
@dataclass(frozen=True)
class Höhe:
    """A distribution with letters in its name that some encodings lack."""

    dim: int = 4


def opened(store: str) -> AbstractHistory:
    if store == "memory":
        return MemoryHistory(4)
    return DatabaseHistory(store, Höhe(), gallery=GALLERY, dtype=torch.float64, create=True)


def append_all(history: AbstractHistory, writer: int) -> None:
    """Append batches of 2, 3, ... points, each repeated until there is no conflict."""
    for number in range(BATCHES):
        batch = labelled_batch(writer, number, number + 2)
        while True:
            try:
                history.append(batch, expected_length=len(history.view()))
            except HistoryConflictError:
                continue
            break


def batches_of(*writers: int) -> set[Label]:
    first = {(PARENT, 100)}  # appended before the children start
    return first | {(writer, number) for writer in writers for number in range(BATCHES)}


def child(histories: list[AbstractHistory], writer: int, together: Any) -> None:
    for history in histories:
        assert whole_batches(history.view()) == [(PARENT, 100)]
        together.wait()
        append_all(history, writer)
        together.wait()
        check_points(history, writer)


def check_points(history: AbstractHistory, writer: int) -> None:
    """Fail unless the history has all batches of this process, in a store of all, once."""
    writers = (writer,) if isinstance(history, MemoryHistory) else (PARENT, *range(CHILDREN))
    labels = whole_batches(history.points())
    assert set(labels) == batches_of(*writers), (history, labels)


def check(context: Any, stores: list[str]) -> None:
    """Fail unless all processes see the right batches in all stores."""
    histories = [opened(store) for store in stores]
    for history in histories:  # has capacity for 15 more points
        history.append(labelled_batch(PARENT, 100, 1), expected_length=0)
    together = context.Barrier(CHILDREN + 1, timeout=100)
    children = [
        context.Process(target=child, args=(histories, writer, together))
        for writer in range(CHILDREN)
    ]
    for process in children:
        process.start()
    for store, history in zip(stores, histories, strict=True):
        before = history.view()
        together.wait()
        append_all(history, PARENT)
        together.wait()
        check_points(history, PARENT)
        assert whole_batches(before) == [(PARENT, 100)]
        if store != "memory":
            recorded = [(gallery.name, gallery.target) for gallery in galleries(store)]
            assert recorded == [(GALLERY, "Höhe(dim=4)")]
    for process in children:
        process.join(100)
    assert [process.exitcode for process in children] == [0] * CHILDREN


if __name__ == "__main__":
    torch.set_num_threads(1)
    context = multiprocessing.get_context(sys.argv[1])
    if sys.argv[1] == "forkserver":
        context.set_forkserver_preload(["tests.gallery_starts"])  # imports once for all children
    check(context, sys.argv[2:])
