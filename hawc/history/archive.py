"""A history as one .npz file, to be kept, sent or read by NumPy alone."""

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
    """Writes all points and where they come from; a file of that name is replaced in one step.

    The arrays are `points` (n, dim), `format`, and `target` and `gallery` as text, which are empty
    unless the history is a `DatabaseHistory`.

    Args:
        history: to be written; it may grow meanwhile.
        path: ends in ".npz".

    Raises:
        ValueError: if `path` does not end in ".npz".
        HistoryStoreError: if it cannot be written; the file of that name is what it was.
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
            f"{path} cannot be written ({error.strerror}): does its folder exist, allow it and "
            "have room? Nothing was changed."
        ) from error


def import_history(path: str | Path, history: AbstractHistory) -> None:
    """Records all points of an exported file in a history that is empty so far.

    Args:
        path: written by `export_history`.
        history: empty, of the file's dimension; a `DatabaseHistory` also of the file's target,
            unless the file names none.

    Raises:
        ValueError: if the file is none of ours or damaged, or `history` is not as above.
        HistoryConflictError: if somebody else appends to `history` meanwhile.
        HistoryStoreError: if the points cannot be recorded; then none is.
    """
    check_instance("history", history, AbstractHistory)
    if len(history) > 0:
        raise ValueError(f"`history` must be empty, got one of {len(history)} points.")
    arrays = _read(Path(path))
    points, target = arrays["points"], str(arrays["target"])
    if points.ndim != 2 or points.shape[1] != history.dim:
        raise ValueError(
            f"`history` must hold points of the shape in {path}, {points.shape}, got dimension "
            f"{history.dim}."
        )
    own_target, _ = _origin(history)
    if target and own_target and target != own_target:
        raise ValueError(
            f"`history` must be of the distribution in {path}, {target}, got {own_target}."
        )
    if len(points) > 0:
        history.append(torch.from_numpy(points), expected_length=0)


def _origin(history: AbstractHistory) -> tuple[str, str]:
    """Returns distribution and gallery; only a database records them."""
    if isinstance(history, DatabaseHistory):
        return history.target, history.gallery
    return "", ""


def _read(path: Path) -> dict[str, np.ndarray]:
    problem = "no file written by export_history"
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
    raise ValueError(f"`path` must name a whole file of export_history, got {path}: {problem}.")
