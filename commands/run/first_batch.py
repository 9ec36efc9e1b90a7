"""The first batch of a loader, read before a run by a copy of the process: the run misses nothing.

Whatever state a data set, transform or sampler has, wherever it is hidden, is the copy's own.
"""

import contextlib
import fcntl
import io
import multiprocessing
import os
import sys
import warnings
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import torch
from lightning.pytorch.utilities import CombinedLoader
from torch.utils.data import BatchSampler, DataLoader, IterableDataset

from datamodules.batch_loader import BatchLoader
from datamodules.domain_loader import DomainLoader

__all__ = ["first_batches", "in_copy"]

_MOST = 128  # examples that are read: enough to see what they are, a second's work of photographs
_PATIENCE = 60  # seconds


def in_copy(answer: Callable[[], str | None]) -> str | None:
    """Returns what a function answers in a copy of this process (a fork), which then ends.

    Returns:
        None if it raises or takes more than a minute, or if no copy can be made: outside of Linux,
        where CUDA is in use, and in processes that may have no children.
    """
    has_no_copy = sys.platform != "linux" or torch.cuda.is_initialized()
    if has_no_copy or multiprocessing.current_process().daemon:
        return None
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    offsets = _offsets()
    copied = context.Process(target=_send, args=(answer, sender), daemon=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads, which the copy has not
        copied.start()
    sender.close()
    try:
        found: str | None = receiver.recv() if receiver.poll(_PATIENCE) else None
    except EOFError:
        found = None
    finally:
        copied.kill()
        copied.join()
        receiver.close()
        for file, offset in offsets.items():
            os.lseek(file, offset, os.SEEK_SET)
    return found


def _send(answer: Callable[[], str | None], sender: Connection) -> None:
    torch.set_num_threads(1)  # the others are not copied, and would be waited for
    unseen = io.StringIO()  # what a data set says it says again in the run
    with (
        contextlib.redirect_stdout(unseen),
        contextlib.redirect_stderr(unseen),
        contextlib.suppress(BaseException),
    ):
        sender.send(answer())


def _offsets() -> dict[int, int]:
    """Returns where open files are read next, which a process shares with its copy."""
    found = {}
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # of pipes, and of the folder that is listed
            if fcntl.fcntl(int(name), fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
                found[int(name)] = os.lseek(int(name), 0, os.SEEK_CUR)
    return found


def first_batches(loaders: Any, stage: str) -> list[Any] | None:
    """Returns the first batch of what a data module returns; changes the loaders, see `in_copy`.

    Of several loaders that are read one after the other it returns one batch each. The list is
    empty if there is no batch.

    Args:
        loaders: a loader, or a collection of them.
        stage: "train", where a collection makes one batch of all, or another, where each loader
            has its own batches.

    Returns:
        None if one is to be left alone: it is a stream, which may give what it has once only, a
        loader that is no DataLoader and not ours, or a CombinedLoader of several.
    """
    if isinstance(loaders, CombinedLoader):
        loaders = loaders.iterables
        if isinstance(loaders, (list, tuple, dict)):
            return None  # whether their batches come together is known to it alone
    if not isinstance(loaders, (list, tuple, dict)):
        return _first(loaders)
    keys = list(loaders) if isinstance(loaders, dict) else range(len(loaders))
    found = [first_batches(loaders[key], stage) for key in keys]
    known = [batches for batches in found if batches is not None]
    if len(known) < len(found):
        return None
    if stage != "train":  # a loader without batches must not hide behind others
        return [batch for batches in known for batch in batches] if all(known) else []
    parts = [batches[0] for batches in known if batches]
    if len(parts) < len(known) or not parts:
        return []
    return [dict(zip(keys, parts, strict=True)) if isinstance(loaders, dict) else parts]


def _first(loader: Any) -> list[Any] | None:
    if isinstance(loader, DataLoader):
        data = loader.dataset
        if isinstance(data, IterableDataset) or not hasattr(data, "__getitem__"):
            return None
        loader.num_workers, loader.timeout = 0, 0
        loader.pin_memory = False  # would make a CUDA context
        if type(loader.batch_sampler) is BatchSampler:
            loader.batch_sampler.batch_size = min(_MOST, loader.batch_sampler.batch_size)
    elif not isinstance(loader, (BatchLoader, DomainLoader)):
        return None
    return [batch for _, batch in zip(range(1), loader, strict=False)]
