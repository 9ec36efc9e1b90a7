"""Reads the first batch of a loader in a copy of the process.

The copy has its own state of the data set, the transforms and the samplers.
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

_MAX_EXAMPLES = 128  # of a batch; photographs take about a second to read
_TIMEOUT = 60  # seconds


def in_copy(function: Callable[[], str | None]) -> str | None:
    """Calls a function in a copy of this process (a fork) and returns its result.

    Returns:
        None if the function raises or takes more than a minute, or if no copy can be made: outside
        of Linux, once CUDA is in use, and in processes that may have no children.
    """
    has_no_copy = sys.platform != "linux" or torch.cuda.is_initialized()
    if has_no_copy or multiprocessing.current_process().daemon:
        return None
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    offsets = _offsets()
    copied = context.Process(target=_send, args=(function, sender), daemon=True)
    with warnings.catch_warnings():
        # Python warns that a fork does not copy threads
        warnings.simplefilter("ignore", DeprecationWarning)
        copied.start()
    sender.close()
    try:
        found: str | None = receiver.recv() if receiver.poll(_TIMEOUT) else None
    except EOFError:
        found = None
    finally:
        copied.kill()
        copied.join()
        receiver.close()
        for file, offset in offsets.items():
            os.lseek(file, offset, os.SEEK_SET)
    return found


def _send(function: Callable[[], str | None], sender: Connection) -> None:
    torch.set_num_threads(1)  # the other threads are not copied, and torch would wait for them
    unseen = io.StringIO()  # what a data set prints is printed again in the run
    with (
        contextlib.redirect_stdout(unseen),
        contextlib.redirect_stderr(unseen),
        contextlib.suppress(BaseException),
    ):
        sender.send(function())


def _offsets() -> dict[int, int]:
    """Returns the positions of open files, which a process shares with its copy."""
    found = {}
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # pipes have no position; the listed folder is closed
            if fcntl.fcntl(int(name), fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
                found[int(name)] = os.lseek(int(name), 0, os.SEEK_CUR)
    return found


def first_batches(loaders: Any, stage: str) -> list[Any] | None:
    """Returns the first batch of each loader; call it by `in_copy`.

    Args:
        loaders: a loader, or a collection of them.
        stage: "train", where a collection serves one joint batch, or another stage, where each
            loader serves its own batches.

    Returns:
        An empty list if there is no batch. None if a loader must not be read: a stream, which may
        be readable only once, a loader of an unknown class, or a CombinedLoader of several.
    """
    if isinstance(loaders, CombinedLoader):
        loaders = loaders.iterables
        if isinstance(loaders, (list, tuple, dict)):
            return None  # its mode decides whether their batches come together
    if not isinstance(loaders, (list, tuple, dict)):
        return _first(loaders)
    keys = list(loaders) if isinstance(loaders, dict) else range(len(loaders))
    found = [first_batches(loaders[key], stage) for key in keys]
    known = [batches for batches in found if batches is not None]
    if len(known) < len(found):
        return None
    if stage != "train":  # one loader without batches is enough for an error
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
        loader.pin_memory = False  # it would create a CUDA context
        if type(loader.batch_sampler) is BatchSampler:
            loader.batch_sampler.batch_size = min(_MAX_EXAMPLES, loader.batch_sampler.batch_size)
    elif not isinstance(loader, (BatchLoader, DomainLoader)):
        return None
    return [batch for _, batch in zip(range(1), loader, strict=False)]
