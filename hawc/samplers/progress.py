"""A progress bar over the batches that a sampler decodes."""

import importlib
from collections.abc import Callable
from functools import partial
from typing import Any

__all__ = ["Progress", "progress_of"]

Progress = Callable[[Any], Any]
"""Returns its argument as an iterable that shows how far it is, such as `tqdm.tqdm`."""


def progress_of(wanted: bool | Progress) -> Progress:
    """Returns the function that shows the progress over batches.

    Args:
        wanted: whether to show one, by the package tqdm; or the function itself.

    Raises:
        ValueError: if tqdm is needed and not installed, or `wanted` is neither.
    """
    if callable(wanted):
        return wanted
    if not isinstance(wanted, bool):
        raise ValueError(
            f"`progress` must be True, False or a function such as tqdm.tqdm, got {wanted!r}."
        )
    return _tqdm() if wanted else iter


def _tqdm() -> Any:
    try:
        tqdm = importlib.import_module("tqdm.auto").tqdm
    except ImportError as error:
        raise ValueError(
            "`progress` needs the package tqdm for True: pip install tqdm, or pass another "
            "function of an iterable."
        ) from error
    return partial(tqdm, desc="decoding", unit="batch", leave=False)
