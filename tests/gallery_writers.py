"""Processes that append to one gallery at once or are killed, and a look at what they leave.

    python -m tests.gallery_writers share URL WRITERS BATCHES
    python -m tests.gallery_writers kill URL KILLS SEED

Run as a program, since it forks: a process with threads of its own should not.
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
from hawc.history import HistoryConflictError, database

ENDLESS = range(1_000_000)  # more batches than a writer lives to append
AIMED = 3  # each third kill waits until the writer has appended and, in a file, appends again
TARGET = StandardNormal(4)
Label = tuple[int, int]  # writer, number of the batch


def labelled_batch(writer: int, number: int, size: int) -> Tensor:
    """Returns rows (writer, number, row, size), so that parts and doubles can be told."""
    same = torch.tensor([writer, number, 0, size]).expand(size, 4).clone()
    same[:, 2] = torch.arange(size)
    return same.double()


def whole_batches(points: Tensor) -> list[Label]:
    """Returns the batches that make up the points, none of them twice, cut or mixed."""
    labels, rest = [], points
    while len(rest):
        writer, number, _, size = (int(value) for value in rest[0])
        assert torch.equal(rest[:size], labelled_batch(writer, number, size)), (writer, number)
        labels.append((writer, number))
        rest = rest[size:]
    assert len(set(labels)) == len(labels), "a batch was recorded twice"
    return labels


def opened(url: str) -> DatabaseHistory:
    """Returns the gallery that all of them write to."""
    return DatabaseHistory(url, TARGET, gallery="writers", dtype=torch.float64)


def append_batches(
    history: DatabaseHistory, writer: int, numbers: range, recorded: int, pause: float = 0.0
) -> None:
    """Appends batches of one to 300 points, each tried until nobody else is faster.

    Each recorded batch is reported as one byte to the file descriptor `recorded`. Up to `pause`
    seconds go by between reading and appending, as they do where points are chosen.
    """
    sizes = random.Random(writer)
    for number in numbers:
        batch = labelled_batch(writer, number, sizes.randint(1, 300))
        while True:
            length = len(history.points())
            time.sleep(sizes.uniform(0, pause))
            try:
                history.append(batch, expected_length=length)
            except HistoryConflictError:
                continue
            break
        os.write(recorded, b".")


def forked(work: Callable[[], None]) -> int:
    """Returns the id of a new process that does the work and ends with status 0 if it can."""
    process = os.fork()
    if process:
        return process
    try:
        work()
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def share(url: str, num_writers: int, num_batches: int) -> dict[str, int]:
    """Lets writers append at once; raises unless each batch is there once and whole.

    All append their first batch before any appends its second, and their last after all others, so
    that none has ended when another begins, however slow the machine is.
    """
    unheard = os.open(os.devnull, os.O_WRONLY)
    history = opened(url)  # goes with each writer
    together = multiprocessing.get_context("fork").Barrier(num_writers, timeout=100)

    def write(writer: int) -> None:
        for first, end in itertools.pairwise((0, 1, num_batches - 1, num_batches)):
            append_batches(history, writer, range(first, end), unheard, 0.02)
            together.wait()

    writers = [forked(lambda w=writer: write(w)) for writer in range(num_writers)]
    failed = [process for process in writers if os.waitpid(process, 0)[1] != 0]
    assert not failed, "a writer failed"
    found = whole_batches(history.points())
    expected = {(writer, n) for writer in range(num_writers) for n in range(num_batches)}
    assert set(found) == expected
    turns = sum(a[0] != b[0] for a, b in itertools.pairwise(found))
    return {"batches": len(found), "turns": turns}


def hold_within_an_append(process: int, journal: Path, seconds: float = 60.0) -> None:
    """Stops a process while it changes a file: one that runs on would be done before a kill."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.001)
        os.kill(process, signal.SIGSTOP)
        assert os.WIFSTOPPED(os.waitpid(process, os.WUNTRACED)[1]), "the writer ended by itself"
        if journal.exists():
            return
        os.kill(process, signal.SIGCONT)
    raise TimeoutError(f"the writer was never met while '{journal}' was there, in {seconds:g} s")


def kill(url: str, num_kills: int, seed: int) -> dict[str, int]:
    """Kills writers; raises unless whole batches, and all reported, are left.

    Most kills come at random instants, the others are aimed, so that some part an append however
    fast or busy the machine is.

    Returns how many batches there are, how many of them were recorded but no longer reported, and
    how often a journal was left, that is, a file in the middle of being changed.
    """
    instants, journals, reported = random.Random(seed), 0, 0
    journal = Path(f"{make_url(url).database}-journal")
    for writer in range(num_kills):
        read_end, write_end = os.pipe()
        process = forked(
            lambda writer=writer, pipe=write_end: append_batches(opened(url), writer, ENDLESS, pipe)
        )
        os.close(write_end)
        heard = b""
        try:
            if writer % AIMED == AIMED - 1:
                heard = os.read(read_end, 1)
                if url.startswith("sqlite"):
                    hold_within_an_append(process, journal)
            else:
                time.sleep(instants.uniform(0, 0.25))
        finally:
            with contextlib.suppress(ProcessLookupError):  # it ended by itself, as was said then
                os.kill(process, signal.SIGKILL)
        status = os.waitpid(process, 0)[1]
        assert os.WIFSIGNALED(status), "the writer ended by itself"
        with os.fdopen(read_end, "rb") as pipe:
            num_reported = len(heard + pipe.read())
        journals += journal.exists()
        found = whole_batches(opened(url).points())
        own = [number for who, number in found if who == writer]
        assert own == list(range(len(own)))
        assert num_reported <= len(own) <= num_reported + 1, (num_reported, len(own))
        reported += num_reported
    return {"batches": len(found), "unreported": len(found) - reported, "journals": journals}


if __name__ == "__main__":
    torch.set_num_threads(1)
    database._ROW_BYTES = 1024  # a batch takes up to ten rows, which a kill may part
    task = {"share": share, "kill": kill}[sys.argv[1]]
    print(json.dumps(task(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))))
