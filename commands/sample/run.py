"""`sample` chooses latents, records them in a gallery and decodes them to images.
The new latents complement all that the gallery holds, so later commands do not repeat earlier ones.
The gallery (``hawc.DatabaseHistory``) is the only record of what was sampled; ids are positions in
it.

Images, manifest and gallery stay consistent while commands race and may be killed, since a chunk of
samples goes through five steps:

    1. choose    the sampler chooses latents against all rows of the gallery,
    2. plan      they are written with a fresh label to <output>/.unfinished.json,
    3. record    they are appended to the gallery under that label; if another process has appended
                 meanwhile, step 1 is repeated,
    4. show      they are decoded to <output>/<id>.png,
    5. list      they are added to <output>/manifest.json, and the plan is removed. If <output> lies
                 in the folder of the gallery's file, the rows' metadata name their images.

Each step is one atomic replacement of a file or one transaction. So whenever a process is killed, a
listed sample is recorded and its image is whole. No two commands show the same latents, since they
decode only what they have recorded. Recording comes before showing; otherwise a process that loses
a race would have decoded in vain.

A chunk that a killed command recorded but did not show is in its plan. The same command with the
same --output compares the plan's label with the gallery's label at that position. If they agree, it
shows the chunk; otherwise the kill came before step 3, and it chooses again. The label is needed
because two commands with one seed choose the same latents against the same gallery.

Files are not synchronized to disk one by one. After a power failure the last images may be missing,
but not their latents; after a kill nothing is missing.
"""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, final

import torch
from torch import Tensor

from commands.errors import UsageError
from commands.sample.folder import SampleFolder
from hawc import DatabaseHistory
from hawc.history.storage.store_url import FilePlace, store_place
from hawc.io.manifests import Chunk
from hawc.samplers import AbstractSampler
from hawc.samplers.seeding import generator_at

__all__ = ["SampleRun"]


@final
class SampleRun:
    """The part of `sample` that one process does for all: choose, record and list.

    Args:
        folder: receives the samples; may hold those of an earlier command.
        sampler: chooses latents; its history is the gallery, a `DatabaseHistory`.
        num_samples: number of samples that the folder should hold in the end, at least 1.
        chunk_size: number of latents chosen together, at least 1.
        seed: at least 0; random numbers depend on it and on the length of the gallery.

    Raises:
        UsageError: if the folder holds samples of another gallery.
    """

    def __init__(
        self,
        folder: SampleFolder,
        sampler: AbstractSampler,
        num_samples: int,
        chunk_size: int,
        seed: int,
    ) -> None:
        assert isinstance(sampler.history, DatabaseHistory)
        self.folder = folder
        self.history = sampler.history
        self.num_samples = num_samples
        self._sampler = sampler
        self._seed = seed
        self._planned: Chunk | None = None
        _check_same_gallery(folder, self.history, sampler.target.dim)
        self._left_over = self._recorded_plan()
        left_over = len(self._left_over.rows) if self._left_over else 0
        missing = max(0, num_samples - len(folder) - left_over)
        sizes = [min(chunk_size, missing - i) for i in range(0, missing, chunk_size)]
        self._sizes = [left_over, *sizes] if left_over else sizes

    @property
    def num_chunks(self) -> int:
        """The number of chunks that this command shows."""
        return len(self._sizes)

    def next_chunk(self, index: int) -> Chunk:
        """Returns latents that are recorded and planned, and not shown yet.

        Raises:
            HistoryStoreError: if the gallery cannot be read or written.
            UsageError: if the decoder or the feature network does not suit the sampler.
        """
        if index == 0 and self._left_over is not None:
            return self._left_over
        # the trainer may have set another default dtype for decoding
        with _default_dtype(self.history.view().dtype):
            try:
                self._sampler.sample(
                    self._sizes[index],
                    generator=partial(generator_at, self._seed),
                    before_append=self._plan,
                )
            except ValueError as error:
                raise UsageError(str(error)) from error
        assert self._planned is not None  # set by `_plan`
        return self._planned

    def finish(self, chunk: Chunk, entries: Sequence[dict[str, Any]]) -> None:
        """Lists a chunk, whose images are written, in the manifest and in the gallery.

        The gallery's metadata name the files relative to its own, so that a contact sheet of the
        gallery shows them.

        Args:
            chunk: the planned chunk.
            entries: one for each sample, in order.

        Raises:
            HistoryStoreError: if the gallery cannot be written.
        """
        self.folder.finish(chunk, entries)
        folder = _folder_beside(self.history.location, self.folder.path)
        if folder is not None:
            rows = self.history.view()[chunk.ids.start : chunk.ids.stop]
            files = {
                entry["id"]: {"file": str(folder / entry["file"])}
                for entry, row in zip(entries, rows, strict=True)
                if "file" in entry and not row.isnan().all()  # unless forgotten meanwhile
            }
            if files:
                self.history.annotate(files.keys(), files.values())

    def _plan(self, rows: Tensor, start: int) -> str:
        label = secrets.token_hex(16)
        rows = rows.to(torch.get_default_dtype())
        self._planned = Chunk(start, rows, label, self._sampler.target.dim)
        self.folder.plan(self._planned)
        return label

    def _recorded_plan(self) -> Chunk | None:
        """Returns the chunk that an earlier command recorded and did not show, if any."""
        plan = self.folder.unfinished()
        if plan is None:
            return None
        recorded = self.history.view()[plan.ids.start : plan.ids.stop]
        is_recorded = len(recorded) > 0 and self.history.label_at(plan.start) == plan.label
        if not is_recorded:
            self.folder.drop_plan()
            return None
        if recorded.shape != plan.rows.shape or plan.dim != self._sampler.target.dim:
            raise UsageError(
                f"`output` '{self.folder.path}' holds a plan of rows that {self.history} does not "
                "hold; name another folder with --output."
            )
        # rows that were forgotten meanwhile are NaN, and only in the plan
        return replace(plan, rows=torch.where(recorded.isnan(), plan.rows, recorded))


@contextmanager
def _default_dtype(dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def _folder_beside(location: str, folder: Path) -> Path | None:
    """Returns a folder relative to that of a SQLite file; None if it lies elsewhere."""
    place = store_place(location)
    if not isinstance(place, FilePlace):
        return None
    beside, folder = place.path.parent.resolve(), folder.resolve()
    return folder.relative_to(beside) if folder.is_relative_to(beside) else None


def _check_same_gallery(folder: SampleFolder, history: DatabaseHistory, dim: int) -> None:
    points = history.view()
    for entry in folder.entries():
        latent = torch.tensor(entry["latent"], dtype=points.dtype)
        recorded = points[entry["id"] : entry["id"] + 1, : len(latent)]
        is_forgotten = recorded.numel() > 0 and bool(recorded.isnan().all())
        if len(latent) != dim or not (is_forgotten or torch.equal(recorded, latent[None])):
            raise UsageError(
                f"`output` '{folder.path}' shows sample {entry['id']}, which {history} does not "
                "hold; name the gallery of these samples or another folder."
            )
