"""The output folder of `sample`: images, manifest.json and the plan of a chunk.

manifest.json is one JSON document, which describes checkpoint, sampler and gallery. Under "samples"
it has one entry a line: `id` (the position in the gallery), `latent`, and `file` for an image or
`values` for a row of a table. An entry is written after its image, so every entry has a whole one.
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
from hawc.printable import shortened

__all__ = ["Chunk", "SampleFolder", "manifest_of"]

_MANIFEST = "manifest.json"
_PLAN = ".unfinished.json"  # a chunk that is about to be recorded, or recorded and not yet shown
# entries of the manifest on which all samples of a folder agree
_SAME = (
    *("checkpoint_sha256", "more_checkpoints_sha256", "use_ema", "model"),
    *("gallery", "gallery_id", "condition", "sampler", "real_examples", "seed"),
)
_ADDED = {"condition": ""}  # what manifests of earlier versions mean by leaving it out


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


def manifest_of(path: Path, description: dict[str, Any]) -> dict[str, Any] | None:
    """Returns the manifest of an output folder, None if it has none; writes nothing.

    Args:
        path: a folder, which may not exist yet.
        description: entries of the manifest; those on which a folder's samples agree are compared.

    Raises:
        UsageError: if the folder cannot be written or holds anything but such samples.
    """
    existing = path
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        raise _unwritable(path, f"{existing} is not a writable folder")
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
        present, given = manifest.get(key, _ADDED.get(key)), description.get(key)
        if key in description and present != given:
            if key == "condition":  # any text, also an empty one
                present, given = f'"{shortened(present, 40)}"', f'"{shortened(given, 40)}"'
            raise UsageError(
                f"`output` '{path}' holds samples with {key} {present}, got {given}; name another "
                "folder with --output."
            )
    return manifest


@final
class SampleFolder:
    """An output folder, locked by one process until it is closed or the process ends.

    Args:
        path: new, empty or left by an earlier command of the same kind.
        description: the entries of the manifest other than "samples".

    Raises:
        UsageError: if it cannot be written, holds other files or is in use.
    """

    def __init__(self, path: Path, description: dict[str, Any]) -> None:
        manifest_of(path, description)  # before the folder is created
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
        manifest = manifest_of(path, description)  # again, now that no other command can change it
        if manifest is None:
            self._write_manifest()
        else:  # date and versions remain those of the first samples
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
        """Returns the chunk that an earlier command planned and did not finish, if any."""
        if not (self.path / _PLAN).exists():
            return None
        plan = _read(self.path / _PLAN, {"start": int, "rows": list, "label": str, "dim": int})
        if self._lines and json.loads(self._lines[-1])["id"] >= plan["start"]:
            self.drop_plan()  # the chunk is finished; only its plan was left
            return None
        return Chunk(plan["start"], torch.tensor(plan["rows"]), plan["label"], plan["dim"])

    def plan(self, chunk: Chunk) -> None:
        """Saves a chunk before it is recorded, so that a later command can finish it."""
        plan = {
            "label": chunk.label,
            "start": chunk.start,
            "dim": chunk.dim,
            "rows": _shortest_numbers(chunk.rows),
        }
        replace_file(self.path / _PLAN, json.dumps(plan).encode())

    def drop_plan(self) -> None:
        """Removes the plan."""
        (self.path / _PLAN).unlink(missing_ok=True)

    def finish(self, chunk: Chunk, entries: Sequence[dict[str, Any]]) -> None:
        """Adds a chunk, whose images are written, to the manifest and removes its plan.

        Args:
            chunk: the planned chunk.
            entries: one for each sample, in order.
        """
        for entry, latent in zip(entries, _shortest_numbers(chunk.latents), strict=True):
            self._lines.append(json.dumps({**entry, "latent": latent}))
        self._write_manifest()
        self.drop_plan()

    def close(self) -> None:
        """Releases the lock."""
        self._lock.close()

    def _write_manifest(self) -> None:
        head = json.dumps(self.description, indent=1).removesuffix("\n}")
        samples = ",\n".join(self._lines)
        text = f'{head},\n "samples": [\n{samples}\n]}}\n'
        replace_file(self.path / _MANIFEST, text.encode())


def _read(path: Path, required: dict[str, type]) -> dict[str, Any]:
    """Returns a JSON document that has the required keys, with values of these types."""
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
    """Returns the shortest decimals that are read back as the same numbers."""
    numbers: list[list[np.floating[Any]]] = [list(row) for row in rows.numpy()]
    return [[float(str(value)) for value in row] for row in numbers]
