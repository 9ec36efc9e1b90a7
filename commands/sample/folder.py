"""The folder that `sample` writes: <id>.png, manifest.json, and while a chunk is made its plan.

manifest.json is one JSON document: what was drawn from where, and under "samples" one entry a line,
`id` (the position in the gallery), `file` or, of what is no image, `values`, and `latent`. An
entry is written after its image, so at any instant every entry has a whole image.
"""

import fcntl
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from commands.errors import UsageError
from commands.sample.files import replace_file

__all__ = ["Chunk", "SampleFolder", "manifest_of"]

_MANIFEST = "manifest.json"
_PLAN = ".unfinished.json"  # the chunk that is about to be recorded, or recorded and not yet shown
_SAME = (
    *("checkpoint_sha256", "more_checkpoints_sha256", "use_ema", "model"),
    *("gallery", "gallery_id", "sampler", "min_distance", "num_steps", "seed"),
)
# what a manifest means that was written before the key existed
_LATER: dict[str, Any] = {"more_checkpoints_sha256": [], "use_ema": False}


@final
@dataclass(frozen=True)
class Chunk:
    """Latents chosen together.

    Args:
        start: position in the gallery of the first one.
        rows: (n, k), as the gallery holds them: latents, with features behind them or without.
        label: names the batch in the gallery, like no other.
        dim: of a latent, at most k.
    """

    start: int
    rows: Float[Tensor, "n k"]
    label: str
    dim: int

    @property
    def latents(self) -> Float[Tensor, "n d"]:
        """What is decoded."""
        return self.rows[:, : self.dim]

    @property
    def ids(self) -> range:
        """Positions in the gallery."""
        return range(self.start, self.start + len(self.rows))


def manifest_of(path: Path, description: dict[str, Any]) -> dict[str, Any] | None:
    """Returns the manifest of a folder that can be written, None if it has none; writes nothing.

    Args:
        path: a folder, or where one is to be made.
        description: what the manifest must say where samples of one folder have to agree.

    Raises:
        UsageError: if the folder cannot be written or holds anything but such samples.
    """
    existing = path
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        raise _unwritable(path, f"{existing} is no folder that can be written")
    if not (path / _MANIFEST).exists():
        for foreign in sorted(path.glob("[!.]*")):
            raise UsageError(
                f"`output` must be new, empty or of earlier samples, got '{path}' with "
                f"{foreign.name} in it; name another folder with --output or leave it out."
            )
        return None
    manifest = _read(path / _MANIFEST, {"samples": list})
    if any("id" not in entry or "latent" not in entry for entry in manifest["samples"]):
        raise _foreign(path / _MANIFEST)
    for key in _SAME:
        found = manifest.get(key, _LATER.get(key))
        if key in description and found != description[key]:
            raise UsageError(
                f"`output` '{path}' holds samples with {key} {found}, here it is "
                f"{description[key]}; name another folder with --output."
            )
    return manifest


@final
class SampleFolder:
    """An output folder, held by one process at a time and locked as long as that lives.

    Args:
        path: new, empty or left by an earlier command of the same kind.
        description: the manifest's entries beside "samples".

    Raises:
        UsageError: if it cannot be written, holds something else or is in use.
    """

    def __init__(self, path: Path, description: dict[str, Any]) -> None:
        manifest_of(path, description)  # before the folder is made
        self.path = path
        self.description = description
        self._lines: list[str] = []
        try:
            path.mkdir(parents=True, exist_ok=True)
            self._lock = (path / ".lock").open("w")
        except OSError as error:
            raise _unwritable(path, str(error.strerror)) from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UsageError(
                f"`output` '{path}' is in use by another command; wait for it or name another "
                "folder with --output."
            ) from error
        manifest = manifest_of(path, description)  # what it is now that nobody else can change it
        if manifest is None:
            self._write_manifest()
        else:  # what was drawn first keeps its date and versions
            self.description = {key: manifest[key] for key in manifest if key != "samples"}
            self._lines = [json.dumps(entry) for entry in manifest["samples"]]

    def __len__(self) -> int:
        """Returns the number of samples in the manifest."""
        return len(self._lines)

    @property
    def ids(self) -> list[int]:
        """The samples' positions in the gallery."""
        return [entry["id"] for entry in self.entries()]

    def entries(self) -> list[dict[str, Any]]:
        """Returns the manifest's samples, oldest first."""
        return [json.loads(line) for line in self._lines]

    def unfinished(self) -> Chunk | None:
        """Returns the chunk that an earlier command planned and did not finish, if there is one."""
        if not (self.path / _PLAN).exists():
            return None
        plan = _read(self.path / _PLAN, {"start": int, "rows": list, "label": str, "dim": int})
        if self._lines and json.loads(self._lines[-1])["id"] >= plan["start"]:
            self.drop()  # it was finished; only the plan was left
            return None
        return Chunk(plan["start"], torch.tensor(plan["rows"]), plan["label"], plan["dim"])

    def plan(self, chunk: Chunk) -> None:
        """Writes down what is about to be recorded, so that a later command can finish it."""
        plan = {
            "label": chunk.label,
            "start": chunk.start,
            "dim": chunk.dim,
            "rows": _shortest_numbers(chunk.rows),
        }
        replace_file(self.path / _PLAN, json.dumps(plan).encode())

    def drop(self) -> None:
        """Forgets the plan."""
        (self.path / _PLAN).unlink(missing_ok=True)

    def finish(self, chunk: Chunk, entries: Sequence[dict[str, Any]]) -> None:
        """Adds a chunk whose images are written to the manifest.

        Args:
            chunk: what was planned.
            entries: one for each of its samples, in their order.
        """
        for entry, latent in zip(entries, _shortest_numbers(chunk.latents), strict=True):
            self._lines.append(json.dumps({**entry, "latent": latent}))
        self._write_manifest()
        self.drop()

    def close(self) -> None:
        """Lets another command have the folder."""
        self._lock.close()

    def _write_manifest(self) -> None:
        head = json.dumps(self.description, indent=1).removesuffix("\n}")
        samples = ",\n".join(self._lines)
        text = f'{head},\n "samples": [\n{samples}\n]}}\n'
        replace_file(self.path / _MANIFEST, text.encode())


def _read(path: Path, required: dict[str, type]) -> dict[str, Any]:
    """Returns a JSON document in which the keys stand with values of these types."""
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise _foreign(path) from error
    if not isinstance(content, dict) or not all(
        isinstance(content.get(key), kind) for key, kind in required.items()
    ):
        raise _foreign(path)
    return content


def _foreign(path: Path) -> UsageError:
    return UsageError(
        f"`output` '{path.parent}' holds a {path.name} that `sample` did not write; name another "
        "folder with --output."
    )


def _unwritable(path: Path, reason: str) -> UsageError:
    return UsageError(
        f"`output` must be a writable folder, got '{path}' ({reason}); name another one with "
        "--output."
    )


def _shortest_numbers(rows: Float[Tensor, "n k"]) -> list[list[float]]:
    """Returns the shortest decimals that are read back as the same numbers of their precision."""
    numbers: list[list[np.floating[Any]]] = [list(row) for row in rows.numpy()]
    return [[float(str(value)) for value in row] for row in numbers]
