"""What each process does in `sample`: the first one chooses, all of them decode and write."""

import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, final

import torch
from lightning import LightningModule, Trainer
from torch import Tensor

from callbacks.base.decoding import decode
from commands.sample.files import write_samples
from commands.sample.folder import Chunk
from commands.sample.model import check_decoding, decoding_error
from commands.sample.run import SampleRun
from lightning_modules.interface import LatentGenerator, provides

__all__ = ["draw_samples"]


def draw_samples(trainer: Trainer, model: LightningModule, run: SampleRun | None) -> None:
    """Lets all of a trainer's processes draw what is missing, as what Lightning calls prediction.

    Args:
        trainer: says on which devices and in which precision samples are decoded.
        model: can be sampled and has its weights.
        run: in the first process what chooses and records, None in all others.

    Raises:
        UsageError: if the model decodes to NaN or infinite numbers.
        HistoryStoreError: if the gallery cannot be read or written any more.
        OSError: if images cannot be written.
    """
    trainer.predict(_Drawing(model, run), return_predictions=False)


@final
class _Drawing(LightningModule):
    """Stands where Lightning wants a module; a batch is a chunk of samples."""

    def __init__(self, model: LightningModule, run: SampleRun | None) -> None:
        super().__init__()
        assert provides(model, LatentGenerator)  # the command has seen to it
        self.model = model
        self._run = run
        self._output = Path()

    def predict_dataloader(self) -> "_ChunkNumbers":
        if threading.current_thread() is threading.main_thread():  # others may set no handler
            # Lightning notes the signal and draws on to the end; samples are whole at any instant
            signal.signal(signal.SIGTERM, self._end)
        told = self._run and (self._run.num_chunks, self._run.folder.path)
        num_chunks, self._output = self.trainer.strategy.broadcast(told)
        return _ChunkNumbers(num_chunks)

    def predict_step(self, batch: int, batch_idx: int) -> list[dict[str, Any]]:
        if batch == 0:  # in the trainer's precision, and before any is recorded
            check_decoding(self.model)
        # choosing needs gradients
        with torch.inference_mode(False), torch.enable_grad():
            chunk = self.trainer.strategy.broadcast(self._run and self._run.next_chunk(batch))
        entries = self._show_share(chunk)
        if self._run is not None:
            self._run.folder.finish(chunk, entries)
        return entries  # without any Lightning would warn

    def _show_share(self, chunk: Chunk) -> list[dict[str, Any]]:
        """Returns the entries of the whole chunk once every process has written its images."""
        strategy, world_size = self.trainer.strategy, self.trainer.world_size
        mine = slice(self.global_rank, None, world_size)
        ids, latents = chunk.ids[mine], chunk.latents[mine]
        own = self._write(ids, latents) if len(ids) else []
        shares = [strategy.broadcast(own, src=rank) for rank in range(world_size)]
        written = [share for share in shares if share is not None]
        if len(written) < world_size:  # all end here, or the others would wait for the one that did
            raise decoding_error(self.model)
        return sorted((entry for share in written for entry in share), key=lambda e: e["id"])

    def _write(self, ids: Sequence[int], latents: Tensor) -> list[dict[str, Any]] | None:
        """Returns the entries of samples, None if they are not finite; then nothing is written."""
        decoded = decode(self.model, latents)
        return write_samples(self._output, ids, decoded) if decoded.isfinite().all() else None

    def _end(self, number: int, frame: object) -> None:
        """Ends this process and those that it has started, at a signal."""
        del frame
        launcher = self.trainer.strategy.launcher
        if launcher is not None:
            launcher.kill(number)
        sys.exit(128 + number)  # as a shell says of what a signal ended


@final
class _ChunkNumbers:
    """Counts chunks; all processes get each number, where a sampler would share them out."""

    def __init__(self, count: int) -> None:
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[int]:
        return iter(range(self._count))
