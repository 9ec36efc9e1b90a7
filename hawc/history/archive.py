"""Export of a history to one .npz file, and import from it."""

import json
import math
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hawc.arguments import check_instance
from hawc.history.abstract import AbstractHistory, HistoryStoreError
from hawc.history.annotated import AnnotatedHistory
from hawc.history.annotation import Annotation, Note
from hawc.history.database import DatabaseHistory
from hawc.history.foreign_rows import check_rows, checked_notes
from hawc.history.identity import current_form
from hawc.history.memory import MemoryHistory
from hawc.io.files import atomic_write, parse_json
from hawc.io.stored_zip import open_stored
from hawc.points import as_points
from hawc.printable import printable, shortened

__all__ = ["export_history", "import_history"]

_POINTS, _ROWS = "hawc history 1", "hawc history 2"  # points alone, or with all below
_TEXT, _COUNT, _NUMBERS = ("U", 0), ("i", 0), ("f", 2)  # kind of the numbers, dimensions
_FIELDS = {"points": _NUMBERS, "target": _TEXT, "gallery": _TEXT}
_MORE_FIELDS = {
    "condition": _TEXT,
    "num_features": _COUNT,
    "notes": _TEXT,
    "candidates": _NUMBERS,
}


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
    path = Path(path)
    arrays = _read(path)
    points, target = arrays["points"], str(arrays["target"])
    if history.dim not in (points.shape[1], 0):
        raise ValueError(
            f"`history` must hold points of the shape in {_shown(path)}, {points.shape}, got "
            f"dimension {history.dim}; create one of that dimension."
        )
    present_target, _ = _origin(history)
    if target and present_target and current_form(target) != present_target:
        raise ValueError(
            f"`history` must have the target in {_shown(path)}, {shortened(target, 200)}, got "
            f"{present_target}."
        )
    if "notes" in arrays:
        _restore(arrays, history, path)
    elif len(points) > 0:
        history.append(torch.from_numpy(points), expected_length=0)


def _restore(arrays: dict[str, np.ndarray], history: AbstractHistory, path: Path) -> None:
    """Record rows with all that is said of them, and candidates."""
    if not isinstance(history, AnnotatedHistory):
        raise ValueError(
            f"`history` must keep notes on rows, as in {_shown(path)}, got "
            f"{type(history).__name__}; use MemoryHistory or DatabaseHistory."
        )
    points, num_features = torch.from_numpy(arrays["points"]), int(arrays["num_features"])
    candidates = torch.from_numpy(arrays["candidates"])
    try:
        check_rows(points, num_features)
        notes = checked_notes(parse_json(str(arrays["notes"])), len(points))
        if len(candidates) > 0:
            as_points("candidates", candidates, dim=num_features, finite=True)
    except ValueError as error:
        raise _incomplete(path, str(error).rstrip(".")) from error
    if isinstance(history, MemoryHistory):
        history.bind(_Rows(points.shape[1], num_features))
    if history.num_features != num_features:
        target = shortened(str(arrays["target"]), 200) or "LatentsWithFeatures or Features"
        raise ValueError(
            f"`history` must hold rows with {num_features} features, as in {_shown(path)}, "
            f"got {history.num_features}; create it for {target}."
        )
    if len(points) > 0:
        history.restore(points, {i: Annotation.of(note) for i, note in notes.items()})
    if len(candidates) > 0:
        history.add_candidates(candidates)


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
    """Returns the arrays of a file; their kinds and shapes are those of an export."""
    problem = "it was not written by export_history"
    try:
        with open_stored(path) as file, zipfile.ZipFile(file) as archive:
            problem = "it is damaged" if "format.npy" in archive.namelist() else problem
            form = str(_array(archive, "format", _TEXT))
            if form not in (_POINTS, _ROWS):
                problem = f"its format is {shortened(repr(form), 40)}, not {_POINTS!r} or {_ROWS!r}"
                raise ValueError(problem)
            fields = _FIELDS | (_MORE_FIELDS if form == _ROWS else {})
            arrays = {name: _array(archive, name, kind) for name, kind in fields.items()}
        rows, width = arrays["points"].shape
        if (rows > 0 and width == 0) or not 0 <= arrays.get("num_features", 0) <= width:
            raise ValueError(problem)
    except OSError as error:
        raise _incomplete(path, error.strerror or problem) from error
    except Exception as error:  # errors of damaged and foreign files have no common base
        raise _incomplete(path, problem) from error
    return arrays


def _array(archive: zipfile.ZipFile, name: str, kind: tuple[str, int]) -> np.ndarray:
    """Returns an array, whose header must agree with the size of its part of the file."""
    size = archive.getinfo(f"{name}.npy").file_size
    with archive.open(f"{name}.npy") as part:
        read = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[np.lib.format.read_magic(part)]
        shape, is_fortran, dtype = read(part)
        is_plain = dtype.kind == kind[0] and (dtype.kind == "U" or dtype.itemsize <= 8)
        if not is_plain or not dtype.isnative or len(shape) != kind[1]:
            raise ValueError(f"{name} is of another kind")
        if math.prod(shape) * dtype.itemsize != size - part.tell():
            raise ValueError(f"{name} has another size than its header says")
        array = np.empty(shape[::-1] if is_fortran else shape, dtype)
        content = part.read() if array.nbytes else b""
        array.reshape(-1).view(np.uint8)[:] = np.frombuffer(content, np.uint8)
    if dtype.kind == "U":
        str(array)  # refuses numbers that are no characters
    return array.T if is_fortran else array


def _incomplete(path: Path, problem: str) -> ValueError:
    return ValueError(
        f"`path` must name a complete file of export_history, got {_shown(path)}: {problem}."
    )


def _shown(path: Path) -> str:
    return printable(str(path))
