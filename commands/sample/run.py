"""How images, manifest and gallery are kept in step while processes race and may be killed.

A gallery (``hawc.DatabaseHistory``) is the one truth about what was drawn; ids are positions in it.
A chunk of samples goes through

    1. choose    latents against all that the gallery holds,
    2. plan      write them with a fresh label to <output>/.unfinished.json,
    3. record    append them to the gallery under that label, or, if somebody else has appended
                 meanwhile, go back to 1,
    4. show      decode them, write <output>/<id>.png,
    5. list      add them to <output>/manifest.json, remove the plan.

Each step is one atomic replacement of a file or one transaction. So at any instant, whoever is
killed, a listed sample is recorded and its image is whole, and no two commands show the same
latents, for they decode only what they recorded. Recording comes before showing since the reverse
would decode in vain whenever somebody else was faster.

What a killed command recorded and did not show is in its plan: the same command with the same
--output looks up whose label the gallery has at that place, and either shows the chunk or, had the
kill come before step 3, chooses again. The label is needed since two commands with one seed choose
the same latents against the same gallery. Files are not forced to the disk's platter one by one:
after a loss of power, unlike after a kill, the last images may be missing; their latents are not.
"""

import secrets
from dataclasses import replace
from typing import final

import torch

from commands.errors import UsageError
from commands.sample.folder import Chunk, SampleFolder
from hawc import DatabaseHistory
from hawc.history import HistoryConflictError
from hawc.samplers import AbstractSampler
from hawc.samplers.abstract import RACES
from hawc.samplers.seeding import generator_at

__all__ = ["SampleRun"]


@final
class SampleRun:
    """The part of `sample` that is done once, whatever the number of processes.

    Args:
        folder: where samples are shown; may hold those of an earlier command.
        history: where they are recorded, in rows as the sampler makes them.
        sampler: chooses latents; its own history is not used.
        num_samples: that the folder is to hold in the end, at least 1.
        chunk_size: latents chosen together, at least 1.
        seed: of the choice, together with the length of the gallery; at least 0.

    Raises:
        UsageError: if the folder's samples are not this gallery's.
    """

    def __init__(
        self,
        folder: SampleFolder,
        history: DatabaseHistory,
        sampler: AbstractSampler,
        num_samples: int,
        chunk_size: int,
        seed: int,
    ) -> None:
        self.folder = folder
        self.history = history
        self._sampler = sampler
        self.num_samples = num_samples
        self._seed = seed
        _check_same_gallery(folder, history)
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
        """Returns latents that are recorded in the gallery, not shown anywhere, and planned here.

        Raises:
            HistoryStoreError: if the gallery cannot be read or written.
            UsageError: if what decodes does not suit the sampler.
        """
        if index == 0 and self._left_over is not None:
            return self._left_over
        chunk = None
        for _ in range(RACES):
            chunk = self._choose(self._sizes[index], chunk)
            try:
                self._record(chunk)
            except HistoryConflictError:
                continue
            return chunk
        with self.history.exclusive():
            chunk = self._choose(self._sizes[index], chunk)
            self._record(chunk)
        return chunk

    def _record(self, chunk: Chunk) -> None:
        self.folder.plan(chunk)
        self.history.append(chunk.rows, expected_length=chunk.start, label=chunk.label)

    def _choose(self, n: int, previous: Chunk | None) -> Chunk:
        past = self.history.view()
        generator = generator_at(self._seed, len(past))
        start = None if previous is None else previous.rows
        default = torch.get_default_dtype()
        torch.set_default_dtype(past.dtype)  # whatever precision images are decoded in
        try:
            rows = self._sampler.choose(n, past, generator, start)
        except ValueError as error:  # of a decoder or a network that does not suit the sampler
            raise UsageError(str(error)) from error
        finally:
            torch.set_default_dtype(default)
        return Chunk(
            len(past), rows.to(past.dtype), secrets.token_hex(16), self._sampler.target.dim
        )

    def _recorded_plan(self) -> Chunk | None:
        """Returns the chunk that an earlier command recorded and did not show, if there is one."""
        plan = self.folder.unfinished()
        if plan is None:
            return None
        if self.history.label_at(plan.start) != plan.label:
            self.folder.drop()
            return None
        recorded = self.history.view()[plan.ids.start : plan.ids.stop].clone()
        return replace(plan, rows=recorded)


def _check_same_gallery(folder: SampleFolder, history: DatabaseHistory) -> None:
    entries, points = folder.entries(), history.view()
    for entry in entries:
        latent = torch.tensor(entry["latent"], dtype=points.dtype)
        recorded = points[entry["id"] : entry["id"] + 1, : len(latent)]
        if not torch.equal(recorded, latent[None]):
            raise UsageError(
                f"`output` '{folder.path}' shows sample {entry['id']}, which {history} does not "
                "hold; name the gallery of these samples or another folder."
            )
