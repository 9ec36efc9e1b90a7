"""Export of a history to one .npz file, and import from it."""

import json
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hawc.arguments import check_instance
from hawc.files import atomic_write
from hawc.history.abstract import AbstractHistory, HistoryStoreError
from hawc.history.annotated import AnnotatedHistory
from hawc.history.annotation import Annotation, Note
from hawc.history.database import DatabaseHistory
from hawc.history.identity import current_form
from hawc.history.memory import MemoryHistory

__all__ = ["export_history", "import_history"]

_POINTS, _ROWS = "hawc history 1", "hawc history 2"  # points alone, or with all below
_FIELDS = ("format", "points", "target", "gallery")
_MORE_FIELDS = ("condition", "num_features", "notes", "candidates")


def export_history(history: AbstractHistory, path: str | Path) -> None:
    """Write all rows and their origin to a file, which is replaced in one step.

    The arrays are `points` (n, dim), `format`, and the texts `target` and `gallery`. The texts are
    empty unless the history is a `DatabaseHistory`. Where there is more than points, the file also
    has `condition`, `num_features`, `notes` (JSON: seeds, metadata and tags by row) and
    `candidates`.

    A forgotten row is NaN in the file, and nothing is said of it. So a store into which the file is
    imported has no trace of its numbers. An absent latent is NaN too.

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
    points = history.view()
    notes = _notes(history, len(points))
    more: dict[str, Any] = {
        "condition": history.condition if isinstance(history, AnnotatedHistory) else "",
        "num_features": history.num_features,
        "notes": json.dumps(notes),
        "candidates": history.candidates().numpy(),
    }
    is_more = bool(notes or more["condition"] or len(history.candidates()) or points.isnan().any())
    fields: dict[str, Any] = {"format": _ROWS if is_more else _POINTS, "points": points.numpy()}
    try:
        with atomic_write(path, durable=True) as file:
            np.savez(file, **fields, target=target, gallery=gallery, **(more if is_more else {}))
    except OSError as error:
        raise HistoryStoreError(
            f"{path} cannot be written ({error.strerror}): does its folder exist, with write "
            "permission and free space? Nothing was changed."
        ) from error


def import_history(path: str | Path, history: AbstractHistory) -> None:
    """Record all rows of an exported file in an empty history, of any condition.

    They keep their ids, seeds, metadata and tags, and get a new time of recording.

    Args:
        path: written by `export_history`, in this release or an earlier one.
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
    if points.ndim != 2 or history.dim not in (points.shape[1], 0):
        raise ValueError(
            f"`history` must hold points of the shape in {path}, {points.shape}, got dimension "
            f"{history.dim}; create one of that dimension."
        )
    present_target, _ = _origin(history)
    if target and present_target and current_form(target) != present_target:
        raise ValueError(
            f"`history` must have the target in {path}, {target}, got {present_target}."
        )
    if "notes" in arrays:
        _restore(arrays, history, Path(path))
    elif len(points) > 0:
        history.append(torch.from_numpy(points), expected_length=0)


def _restore(arrays: dict[str, np.ndarray], history: AbstractHistory, path: Path) -> None:
    """Record rows with all that is said of them, and candidates."""
    if not isinstance(history, AnnotatedHistory):
        raise ValueError(
            f"`history` must keep notes on rows, as in {path}, got {type(history).__name__}; use "
            "MemoryHistory or DatabaseHistory."
        )
    num_features = int(arrays["num_features"])
    if isinstance(history, MemoryHistory):
        history.bind(_Rows(arrays["points"].shape[1], num_features))
    if history.num_features != num_features:
        target = str(arrays["target"]) or "LatentsWithFeatures or Features"
        raise ValueError(
            f"`history` must hold rows with {num_features} features, as in {path}, got "
            f"{history.num_features}; create it for {target}."
        )
    notes = json.loads(str(arrays["notes"]))
    if len(arrays["points"]) > 0:
        annotations = {int(i): Annotation.of(note) for i, note in notes.items()}
        history.restore(torch.from_numpy(arrays["points"]), annotations)
    if len(arrays["candidates"]) > 0:
        history.add_candidates(torch.from_numpy(arrays["candidates"]))


@dataclass(frozen=True)
class _Rows:
    dim: int
    num_features: int


def _notes(history: AbstractHistory, length: int) -> dict[int, Note]:
    """Returns what is said of each row, but for forgotten ones."""
    if not isinstance(history, AnnotatedHistory):
        return {}
    said = history.annotations(range(length)).items()
    notes = {i: annotation.note() for i, annotation in said if not annotation.is_forgotten}
    return {i: note for i, note in notes.items() if note}


def _origin(history: AbstractHistory) -> tuple[str, str]:
    """Returns target and gallery, which only a database records."""
    if isinstance(history, DatabaseHistory):
        return history.target or "", history.gallery
    return "", ""


def _read(path: Path) -> dict[str, np.ndarray]:
    problem = "it was not written by export_history"
    try:
        with zipfile.ZipFile(path) as file:
            problem = "it is damaged" if "format.npy" in file.namelist() else problem
        with np.load(path, allow_pickle=False) as file:
            fields = (*_FIELDS, *_MORE_FIELDS) if str(file["format"]) == _ROWS else _FIELDS
            arrays = {name: file[name] for name in fields}
    except OSError as error:
        problem = error.strerror or problem
    except (zipfile.BadZipFile, zlib.error, ValueError, KeyError, EOFError):
        pass
    else:
        if str(arrays["format"]) in (_POINTS, _ROWS):
            return arrays
        problem = f"its format is {str(arrays['format'])!r}, not {_POINTS!r} or {_ROWS!r}"
    raise ValueError(f"`path` must name a complete file of export_history, got {path}: {problem}.")
