"""The output folder of `sample`: images, manifest.json and the plan of a chunk.

An entry of the manifest is written after its image, so every entry has a whole one.
"""

import fcntl
import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar, final

from commands.errors import UsageError
from hawc.io.files import remove_leftovers
from hawc.io.manifests import Chunk, Manifest, read_manifest, read_plan, write_plan
from hawc.printable import printable, shortened

__all__ = ["SampleFolder", "manifest_of"]

_MANIFEST = "manifest.json"
_PLAN = ".unfinished.json"  # a chunk that is about to be recorded, or recorded and not yet shown
_LOCK = ".lock"
# files that `sample` writes; none may be a link, a folder or a pipe
_WRITTEN = re.compile(r"manifest\.json|\.unfinished\.json|\.lock|\..+\.part|\d{8,}\.png", re.DOTALL)
# entries of the manifest on which all samples of a folder agree
_SAME = (
    *("checkpoint_sha256", "more_checkpoints_sha256", "use_ema", "model"),
    *("gallery", "gallery_id", "condition", "sampler", "real_examples", "seed"),
)
_ADDED = {"condition": ""}  # what manifests of earlier versions mean by leaving it out
_T = TypeVar("_T")


def manifest_of(path: Path, description: dict[str, Any]) -> Manifest | None:
    """Returns the manifest of an output folder, None if it has none; writes nothing.

    Args:
        path: a folder, which may not exist yet.
        description: entries of the manifest; those on which a folder's samples agree are compared.

    Raises:
        UsageError: if the folder cannot be written or holds anything but such samples.
    """
    existing = path
    while not os.path.exists(existing) and existing != existing.parent:
        existing = existing.parent
    if not existing.is_dir() or not os.access(existing, os.R_OK | os.W_OK | os.X_OK):
        raise _unwritable(path, f"{existing} is not a writable folder")
    names = _checked_names(path) if existing == path else []
    _read(path / _PLAN, read_plan)
    manifest = _read(path / _MANIFEST, read_manifest)
    if manifest is None:
        for foreign in names:
            if not foreign.startswith("."):
                raise UsageError(
                    f"`output` must be new, empty or of earlier samples, got '{path}' with "
                    f"{printable(foreign)} in it; name another folder or leave --output out."
                )
        return None
    for key in _SAME:
        present, given = manifest.description.get(key, _ADDED.get(key)), description.get(key)
        if key in description and present != given:
            quote = '"' if key == "condition" else ""  # it is any text, also an empty one
            was, now = (f"{quote}{shortened(str(v), 80)}{quote}" for v in (present, given))
            raise UsageError(
                f"`output` '{path}' holds samples with {key} {was}, got {now}; name another "
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
        try:
            path.mkdir(parents=True, exist_ok=True)
            # a file, since network disks cannot lock folders
            flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
            self._lock = os.fdopen(os.open(path / _LOCK, flags, 0o666), "ab")
        except OSError as error:
            raise _unwritable(path, str(error.strerror)) from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UsageError(
                f"`output` '{path}' is in use by another command; wait for it or name another "
                "folder with --output."
            ) from error
        earlier = manifest_of(path, description)  # again, now that no other command can change it
        remove_leftovers(path)
        # date and versions remain those of the first samples
        self._manifest = earlier or Manifest(description, [], [])
        if earlier is None:
            self._manifest.write(path / _MANIFEST)

    def __len__(self) -> int:
        """Returns the number of samples in the manifest."""
        return len(self.ids)

    @property
    def description(self) -> dict[str, Any]:
        """The entries of the manifest other than "samples"."""
        return self._manifest.description

    @property
    def ids(self) -> list[int]:
        """The samples' positions in the gallery."""
        return self._manifest.ids

    def entries(self) -> Iterator[dict[str, Any]]:
        """Yields the manifest's samples, oldest first."""
        return map(json.loads, self._manifest.lines)

    def unfinished(self) -> Chunk | None:
        """Returns the chunk that an earlier command planned and did not finish, if any."""
        plan = _read(self.path / _PLAN, read_plan)
        if plan is not None and self.ids and self.ids[-1] >= plan.start:
            self.drop_plan()  # the chunk is finished; only its plan was left
            return None
        return plan

    def plan(self, chunk: Chunk) -> None:
        """Saves a chunk before it is recorded, so that a later command can finish it."""
        write_plan(self.path / _PLAN, chunk)

    def drop_plan(self) -> None:
        """Removes the plan."""
        (self.path / _PLAN).unlink(missing_ok=True)

    def finish(self, chunk: Chunk, entries: Sequence[dict[str, Any]]) -> None:
        """Adds a chunk, whose images are written, to the manifest and removes its plan.

        Args:
            chunk: the planned chunk.
            entries: one for each sample, in order.
        """
        self._manifest.add(entries, chunk.latents)
        self._manifest.write(self.path / _MANIFEST)
        self.drop_plan()

    def close(self) -> None:
        """Releases the lock."""
        self._lock.close()


def _checked_names(path: Path) -> list[str]:
    """Returns the names in a folder in order; UsageError if `sample` would write to a link."""
    files = sorted(os.scandir(path), key=lambda file: file.name)
    for file in files:
        if _WRITTEN.fullmatch(file.name) and not file.is_file(follow_symlinks=False):
            raise _foreign(path / file.name, "it is a link, a folder or a pipe")
    return [file.name for file in files]


def _read(path: Path, read: Callable[[Path], _T]) -> _T | None:
    """Returns the content of a file of the folder, None if there is none."""
    if not os.path.exists(path):
        return None
    try:
        return read(path)
    except OSError as error:
        raise _foreign(path, str(error.strerror)) from error
    except ValueError as error:
        raise _foreign(path, str(error)) from error


def _foreign(path: Path, reason: str) -> UsageError:
    return UsageError(
        f"`output` '{path.parent}' holds a {printable(path.name)} that `sample` did not write "
        f"({shortened(reason, 80)}); name another folder with --output."
    )


def _unwritable(path: Path, reason: str) -> UsageError:
    return UsageError(
        f"`output` must be a writable folder, got '{path}' ({reason}); name another one with "
        "--output."
    )
