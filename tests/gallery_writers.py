"""Processes that append to one gallery at once or are killed, and checks of the gallery.

    python -m tests.gallery_writers share URL WRITERS BATCHES CONDITIONS
    python -m tests.gallery_writers kill URL KILLS SEED

Run as a program, since it forks: a process with other threads should not.
"""

import contextlib
import itertools
import json
import multiprocessing
import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import torch
from sqlalchemy import make_url
from torch import Tensor

from hawc import DatabaseHistory, StandardNormal
from hawc.history import HistoryConflictError
from hawc.history.storage import batches

ENDLESS = range(1_000_000)  # more batches than a writer can append before its kill
AIMED = 3  # each third kill waits until the writer has appended and, in a file, appends again
TARGET = StandardNormal(4)
Label = tuple[int, int]  # writer, number of the batch


def labelled_batch(writer: int, number: int, size: int) -> Tensor:
    """Returns rows (writer, number, row, size), so that parts and repeats are recognized."""
    rows = torch.tensor([writer, number, 0, size]).expand(size, 4).clone()
    rows[:, 2] = torch.arange(size)
    return rows.double()


def whole_batches(points: Tensor) -> list[Label]:
    """Returns the labels of the batches; fails if one is repeated, cut or mixed."""
    labels, rest = [], points
    while len(rest):
        writer, number, _, size = (int(value) for value in rest[0])
        assert torch.equal(rest[:size], labelled_batch(writer, number, size)), (writer, number)
        labels.append((writer, number))
        rest = rest[size:]
    assert len(set(labels)) == len(labels), "a batch was recorded twice"
    return labels


def opened(url: str, condition: str = "") -> DatabaseHistory:
    """Returns the rows of all writers of a condition."""
    options = {"gallery": "writers", "condition": condition, "dtype": torch.float64}
    return DatabaseHistory(url, TARGET, create=True, **options)


def check_notes(history: DatabaseHistory) -> None:
    """Fail unless each row has the metadata that were appended with it."""
    points = history.points().tolist()
    said = history.annotations(range(len(points)))
    assert [said[i].metadata["row"] for i in range(len(points))] == points


def append_batches(
    history: DatabaseHistory, writer: int, numbers: range, recorded: int, pause: float = 0.0
) -> None:
    """Append batches of one to 300 points, each repeated until there is no conflict.

    Each recorded batch is reported as one byte to the file descriptor `recorded`. Reading and
    appending are up to `pause` seconds apart, as with a choice between them.
    """
    sizes = random.Random(writer)
    for number in numbers:
        batch = labelled_batch(writer, number, sizes.randint(1, 300))
        while True:
            length = len(history.points())
            time.sleep(sizes.uniform(0, pause))
            try:
                rows = [{"row": row} for row in batch.tolist()]
                history.append(batch, expected_length=length, metadata=rows)
            except HistoryConflictError:
                continue
            break
        os.write(recorded, b".")


def forked(work: Callable[[], None]) -> int:
    """Returns the id of a new process that does the work; its status is 0 on success."""
    process = os.fork()
    if process:
        return process
    try:
        work()
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def share(url: str, num_writers: int, num_batches: int, num_conditions: int) -> dict[str, int]:
    """Let writers append at once; fail unless each batch is recorded once and whole.

    Writer w writes to condition w modulo their number. All writers append their first batch before
    any second one, and their last batch after all others. So they overlap on a machine of any
    speed.
    """
    unread = os.open(os.devnull, os.O_WRONLY)
    histories = [opened(url, f"condition {i}") for i in range(num_conditions)]  # inherited
    together = multiprocessing.get_context("fork").Barrier(num_writers, timeout=100)

    def write(writer: int) -> None:
        for first, end in itertools.pairwise((0, 1, num_batches - 1, num_batches)):
            history = histories[writer % num_conditions]
            append_batches(history, writer, range(first, end), unread, 0.02)
            together.wait()

    writers = [forked(lambda w=writer: write(w)) for writer in range(num_writers)]
    failed = [process for process in writers if os.waitpid(process, 0)[1] != 0]
    assert not failed, "a writer failed"
    counts = {"batches": 0, "changes_of_writer": 0}
    for condition, history in enumerate(histories):
        labels = whole_batches(history.points())
        present = range(condition, num_writers, num_conditions)
        assert set(labels) == {(writer, n) for writer in present for n in range(num_batches)}
        check_notes(history)
        counts["batches"] += len(labels)
        counts["changes_of_writer"] += sum(a[0] != b[0] for a, b in itertools.pairwise(labels))
    return counts


def hold_within_an_append(process: int, journal: Path, seconds: float = 60.0) -> None:
    """Stop a process while it changes a file, so that a kill comes before it is done."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.001)
        os.kill(process, signal.SIGSTOP)
        assert os.WIFSTOPPED(os.waitpid(process, os.WUNTRACED)[1]), (
            "the writer ended before its kill"
        )
        if journal.exists():
            return
        os.kill(process, signal.SIGCONT)
    raise TimeoutError(f"the writer was never stopped while '{journal}' existed, in {seconds:g} s")


def kill(url: str, num_kills: int, seed: int) -> dict[str, int]:
    """Kill writers; fail unless all batches are whole and all reported ones are recorded.

    Most kills come at random times. The others are aimed at an append, so that some interrupt one
    on a machine of any speed.

    Returns:
        The number of batches, of those recorded but not yet reported, and of journals that were
        left, each by a kill while the file was changed.
    """
    instants, journals, reported = random.Random(seed), 0, 0
    journal = Path(f"{make_url(url).database}-journal")
    for writer in range(num_kills):
        read_end, write_end = os.pipe()
        process = forked(
            lambda writer=writer, pipe=write_end: append_batches(opened(url), writer, ENDLESS, pipe)
        )
        os.close(write_end)
        received = b""
        try:
            if writer % AIMED == AIMED - 1:
                received = os.read(read_end, 1)
                if url.startswith("sqlite"):
                    hold_within_an_append(process, journal)
            else:
                time.sleep(instants.uniform(0, 0.25))
        finally:
            with contextlib.suppress(ProcessLookupError):  # it ended before, which the status shows
                os.kill(process, signal.SIGKILL)
        status = os.waitpid(process, 0)[1]
        assert os.WIFSIGNALED(status), "the writer ended before its kill"
        with os.fdopen(read_end, "rb") as pipe:
            num_reported = len(received + pipe.read())
        journals += journal.exists()
        history = opened(url)
        labels = whole_batches(history.points())
        check_notes(history)
        numbers = [number for other, number in labels if other == writer]
        assert numbers == list(range(len(numbers)))
        assert num_reported <= len(numbers) <= num_reported + 1, (num_reported, len(numbers))
        reported += num_reported
    return {"batches": len(labels), "unreported": len(labels) - reported, "journals": journals}


if __name__ == "__main__":
    torch.set_num_threads(1)
    batches._ROW_BYTES = 1024  # a batch takes up to ten rows, and a kill may come between them
    task = {"share": share, "kill": kill}[sys.argv[1]]
    print(json.dumps(task(sys.argv[2], *map(int, sys.argv[3:]))))
