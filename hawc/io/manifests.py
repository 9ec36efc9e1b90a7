"""Manifests of samples, and plans of the next ones; both may come from a stranger.

A manifest describes samples together, and has under "samples" one entry a line: `id` (the position
in the gallery), `latent`, and `file` for an image or `values` for a row of a table. A plan holds
the rows that are recorded next, under "rows".
"""

import json
import re
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from hawc.io.documents import open_document, write_document

__all__ = ["Chunk", "Manifest", "read_manifest", "read_plan", "write_plan"]

_SAMPLES, _ROWS = "samples", "rows"
_TOO_LARGE = 2**62  # for a position in a gallery


@final
@dataclass(frozen=True)
class Chunk:
    """Latents chosen together.

    Args:
        start: position of the first one in the gallery.
        rows: rows of the gallery: latents, possibly followed by further numbers.
        label: identifies the chunk in the gallery; unique.
        dim: number of coordinates of a latent, at most k.
    """

    start: int
    rows: Float[Tensor, "n k"]
    label: str
    dim: int

    @property
    def latents(self) -> Float[Tensor, "n d"]:
        """The latents, which are decoded."""
        return self.rows[:, : self.dim]

    @property
    def ids(self) -> range:
        """Positions in the gallery."""
        return range(self.start, self.start + len(self.rows))


@final
@dataclass(frozen=True)
class Manifest:
    """A manifest, whose samples stay text.

    Args:
        description: what it holds beside the samples.
        lines: one of JSON for each sample.
        ids: the samples' positions in the gallery, increasing.
    """

    description: dict[str, Any]
    lines: list[str]
    ids: list[int]

    def add(self, entries: Sequence[dict[str, Any]], latents: Float[Tensor, "n d"]) -> None:
        """Appends samples.

        Args:
            entries: one for each sample, with its `id`.
            latents: of the samples, in the same order.
        """
        for entry, latent in zip(entries, _shortest_numbers(latents), strict=True):
            self.lines.append(json.dumps({**entry, "latent": latent}))
            self.ids.append(entry["id"])

    def write(self, path: Path) -> None:
        """Writes the manifest whole or not at all; on an error the earlier file stays."""
        write_document(path, self.description, _SAMPLES, self.lines)


def read_manifest(path: Path) -> Manifest:
    """Returns a manifest, whose samples are checked.

    Raises:
        OSError: if the file cannot be read, or is no regular file of at most 1 GiB.
        ValueError: if it is no manifest. Ids must increase; latents must be finite, of one length.
    """
    lines: list[str] = []
    ids: list[int] = []
    dims = set()
    with _plain_errors(), open_document(path, _SAMPLES) as (description, entries):
        for line, entry in entries:
            position = entry["id"]
            if not _is_position(position) or (ids and position <= ids[-1]):
                raise ValueError("ids must be whole numbers from 0 on, in increasing order")
            if not re.fullmatch(r"\d+\.png", entry.get("file", "0.png")):
                raise ValueError("files must have names such as 00000003.png")
            dims.add(len(_numbers(entry["latent"])))
            lines.append(line)
            ids.append(position)
        if len(dims) > 1:
            raise ValueError("latents must be of one length")
    return Manifest(description, lines, ids)


def write_plan(path: Path, chunk: Chunk) -> None:
    """Writes a plan whole or not at all."""
    plan = {"label": chunk.label, "start": chunk.start, "dim": chunk.dim}
    write_document(path, plan, _ROWS, map(json.dumps, _shortest_numbers(chunk.rows)))


def read_plan(path: Path) -> Chunk:
    """Returns a checked plan, with rows of the default dtype; raises as `read_manifest` does."""
    numbers, widths = array("d"), []
    with _plain_errors(), open_document(path, _ROWS) as (plan, entries):
        for _, row in entries:
            numbers.frombytes(_numbers(row).tobytes())
            widths.append(len(row))
        start, label, dim = plan["start"], plan["label"], plan["dim"]
        if len(set(widths)) != 1 or not _is_position(dim) or not 1 <= dim <= widths[0]:
            raise ValueError("rows must be of one length, at least `dim`")
        rows = torch.from_numpy(np.array(numbers)).to(torch.get_default_dtype())
        if not _is_position(start) or type(label) is not str or not rows.isfinite().all():
            raise ValueError("a position, a label and finite rows are required")
    return Chunk(start, rows.view(len(widths), -1), label, dim)


@contextmanager
def _plain_errors() -> Iterator[None]:
    """Turns what a value of another type raises into a ValueError."""
    try:
        yield
    except KeyError as error:
        raise ValueError(f"{error} is missing") from error
    except (AttributeError, OverflowError, TypeError) as error:
        raise ValueError(f"a value is of another type ({error})") from error


def _is_position(value: Any) -> bool:
    return type(value) is int and 0 <= value < _TOO_LARGE


def _numbers(value: Any) -> np.ndarray:
    numbers = np.array(array("d", value))  # refuses all but a flat list of numbers
    if not np.isfinite(numbers).all() or not numbers.size:
        raise ValueError("a list of finite numbers is required")
    return numbers


def _shortest_numbers(rows: Float[Tensor, "n k"]) -> list[list[float]]:
    """Returns the shortest decimals that are read back as the same numbers."""
    numbers: list[list[np.floating[Any]]] = [list(row) for row in rows.numpy()]
    return [[float(str(value)) for value in row] for row in numbers]
