"""Export of a history to one .npz file, and import from it."""

import zipfile
import zlib
from pathlib import Path

import numpy as np
import torch

from hawc.arguments import check_instance
from hawc.files import atomic_write
from hawc.history.abstract import AbstractHistory, HistoryStoreError
from hawc.history.database import DatabaseHistory

__all__ = ["export_history", "import_history"]

_FORMAT = "hawc history 1"
_FIELDS = ("format", "points", "target", "gallery")


def export_history(history: AbstractHistory, path: str | Path) -> None:
    """Write all points and their origin to a file, which is replaced in one step.

    The arrays are `points` (n, dim), `format`, and the texts `target` and `gallery`. The texts are
    empty unless the history is a `DatabaseHistory`.

    Args:
        history: may grow during the export.
        path: ends in ".npz". Only one process at a time may write it.

    Raises:
        ValueError: if `path` does not end in ".npz".
        HistoryStoreError: if the file cannot be written; an existing file is unchanged.
    """
    check_instance("history", history, AbstractHistory)
    path = Path(path)
    if path.suffix != ".npz":
        raise ValueError(f"`path` must end in '.npz', got {str(path)!r}.")
    target, gallery = _origin(history)
    points = history.view().numpy()
    try:
        with atomic_write(path, durable=True) as partial, partial.open("wb") as file:
            np.savez(file, format=_FORMAT, points=points, target=target, gallery=gallery)
    except OSError as error:
        raise HistoryStoreError(
            f"{path} cannot be written ({error.strerror}): does its folder exist, with write "
            "permission and free space? Nothing was changed."
        ) from error


def import_history(path: str | Path, history: AbstractHistory) -> None:
    """Record all points of an exported file in an empty history.

    Args:
        path: written by `export_history`.
        history: empty, of the file's dimension. A `DatabaseHistory` must have the file's target,
            unless the file names none.

    Raises:
        ValueError: if the file is damaged or of another format, or `history` does not fit.
        HistoryConflictError: if another thread or process appends to `history` during the import.
        HistoryStoreError: if the points cannot be recorded; no point is recorded then.
    """
    check_instance("history", history, AbstractHistory)
    if len(history) > 0:
        raise ValueError(f"`history` must be empty, got one of {len(history)} points.")
    arrays = _read(Path(path))
    points, target = arrays["points"], str(arrays["target"])
    if points.ndim != 2 or points.shape[1] != history.dim:
        raise ValueError(
            f"`history` must hold points of the shape in {path}, {points.shape}, got dimension "
            f"{history.dim}; create one of that dimension."
        )
    present_target, _ = _origin(history)
    if target and present_target and target != present_target:
        raise ValueError(
            f"`history` must have the target in {path}, {target}, got {present_target}."
        )
    if len(points) > 0:
        history.append(torch.from_numpy(points), expected_length=0)


def _origin(history: AbstractHistory) -> tuple[str, str]:
    """Returns target and gallery, which only a database records."""
    if isinstance(history, DatabaseHistory):
        return history.target, history.gallery
    return "", ""


def _read(path: Path) -> dict[str, np.ndarray]:
    problem = "it was not written by export_history"
    try:
        with zipfile.ZipFile(path) as file:
            problem = "it is damaged" if "format.npy" in file.namelist() else problem
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in _FIELDS}
    except OSError as error:
        problem = error.strerror or problem
    except (zipfile.BadZipFile, zlib.error, ValueError, KeyError, EOFError):
        pass
    else:
        if str(arrays["format"]) == _FORMAT:
            return arrays
        problem = f"its format is {str(arrays['format'])!r}, not {_FORMAT!r}"
    raise ValueError(f"`path` must name a complete file of export_history, got {path}: {problem}.")
