"""The first batch of a loader, read before a run without a trace in what the run will read."""

import contextlib
import copy
import random
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from lightning.pytorch.utilities import CombinedLoader
from lightning.pytorch.utilities.seed import isolate_rng
from torch.utils.data import BatchSampler, DataLoader, Dataset, IterableDataset

__all__ = ["first_batches"]

_MOST = 128  # examples that are read: enough to see what they are, a second's work of photographs
_GENERATORS = (torch.Generator, np.random.Generator, np.random.RandomState, random.Random)


def first_batches(loaders: Any, stage: str, shared: Sequence[object] = ()) -> list[Any] | None:
    """Returns the first batch of what a data module returns, as the model would get it.

    Of several loaders that are read one after the other it returns one batch each. The list is
    empty if there is no batch. The order and the random numbers of later reads stay as they are.

    Args:
        loaders: a loader, or a collection of them.
        stage: "train", where a collection makes one batch of all, or another, where each loader
            has its own batches.
        shared: objects that loaders may refer to and that are not to be copied with them.

    Returns:
        None if that cannot be known before the run: a loader is a stream that can be read once
        only, or a CombinedLoader of several.
    """
    if isinstance(loaders, CombinedLoader):
        loaders = loaders.iterables
        if isinstance(loaders, (list, tuple, dict)):
            return None  # whether their batches come together is known to it alone
    if not isinstance(loaders, (list, tuple, dict)):
        with isolate_rng(include_cuda=False):
            return _first(loaders, shared)
    keys = list(loaders) if isinstance(loaders, dict) else range(len(loaders))
    found = [first_batches(loaders[key], stage, shared) for key in keys]
    known = [batches for batches in found if batches is not None]
    if len(known) < len(found):
        return None
    if stage != "train":  # a loader without batches must not hide behind others
        return [batch for batches in known for batch in batches] if all(known) else []
    parts = [batches[0] for batches in known if batches]
    if len(parts) < len(known) or not parts:
        return []
    return [dict(zip(keys, parts, strict=True)) if isinstance(loaders, dict) else parts]


def _first(loader: Any, shared: Sequence[object]) -> list[Any] | None:
    if not isinstance(loader, DataLoader):
        return _first_of_other(loader)
    if _is_once_only(loader.dataset):
        return None
    try:
        return _first_of_copy(loader, 0, shared)
    except Exception:  # some data sets are opened by `worker_init_fn` alone
        if not loader.num_workers:
            raise
        return _first_of_copy(loader, 1, shared)


def _first_of_other(loader: Any) -> list[Any] | None:
    """Returns the first batch of a loader that is no DataLoader, which is put back to its start."""
    state = loader.state_dict() if hasattr(loader, "load_state_dict") else None
    batches = iter(loader)
    if batches is loader:
        return None
    found = _one_of(batches)
    if state is not None:
        loader.load_state_dict(state)
    return found


def _first_of_copy(loader: Any, num_workers: int, shared: Sequence[object]) -> list[Any]:
    """Returns the first batch of a DataLoader, read by a copy with other samplers."""
    memo: dict[int, Any] = {id(thing): thing for thing in shared}
    memo[id(loader.dataset)] = _unhitched(loader.dataset)
    try:
        own = copy.deepcopy(loader, memo)
    except Exception:  # something in it cannot be copied, such as an open file
        own = copy.copy(loader)
    else:
        if type(own.batch_sampler) is BatchSampler:
            own.batch_sampler.batch_size = min(_MOST, own.batch_sampler.batch_size)
    own.num_workers = num_workers
    own.timeout = own.timeout if num_workers else 0
    own.pin_memory = False  # would make a CUDA context in this process
    return _one_of(own)


def _one_of(batches: Any) -> list[Any]:
    return [batch for _, batch in zip(range(1), batches, strict=False)]


def _unhitched(data: Any) -> Any:
    """Returns a data set that shares examples with another, but no counter, generator, transform.

    What cannot be copied is shared too.
    """
    with contextlib.suppress(Exception):  # of classes that say how they are pickled, and cannot be
        own = copy.copy(data)
        for name, value in getattr(data, "__dict__", {}).items():
            if isinstance(value, Dataset):
                setattr(own, name, _unhitched(value))
            elif callable(value) or isinstance(value, _GENERATORS):
                with contextlib.suppress(Exception):
                    setattr(own, name, copy.deepcopy(value, {id(data): own}))
        return own
    return data


def _is_once_only(data: object) -> bool:
    """Whether a stream gives what it has once, so that what is read here would be lost."""
    if not isinstance(data, IterableDataset):
        return False
    holds_iterator = any(isinstance(value, Iterator) for value in vars(data).values())
    own = _unhitched(data)
    return holds_iterator or iter(own) is iter(own)
