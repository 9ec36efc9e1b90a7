"""Runs `sample` in all processes: the first one chooses, all decode and write."""

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
from commands.sample.model import check_decoding, decoding_error
from commands.sample.run import SampleRun
from hawc.io.manifests import Chunk
from lightning_modules.interface import LatentGenerator, provides

__all__ = ["write_missing_samples"]


def write_missing_samples(trainer: Trainer, model: LightningModule, run: SampleRun | None) -> None:
    """Samples until the output folder is complete; every process calls it.

    Args:
        trainer: sets the devices and the precision of decoding.
        model: has latents, and its weights.
        run: chooses and records, in the first process; None in all others.

    Raises:
        UsageError: if the model decodes to NaN or infinite values.
        HistoryStoreError: if the gallery cannot be read or written any more.
        OSError: if images cannot be written.
    """
    trainer.predict(_Sampling(model, run), return_predictions=False)


@final
class _Sampling(LightningModule):
    """Presents sampling to Lightning as a prediction; a batch is a chunk of samples."""

    def __init__(self, model: LightningModule, run: SampleRun | None) -> None:
        super().__init__()
        assert provides(model, LatentGenerator)  # checked by the command
        self.model = model
        self._run = run
        self._output = Path()

    def predict_dataloader(self) -> "_ChunkNumbers":
        if threading.current_thread() is threading.main_thread():  # others cannot set a handler
            # Lightning only notes the signal and would sample to the end. Ending at once is safe,
            # since samples are consistent at any time
            signal.signal(signal.SIGTERM, self._end)
        plan = self._run and (self._run.num_chunks, self._run.folder.path)
        num_chunks, self._output = self.trainer.strategy.broadcast(plan)
        return _ChunkNumbers(num_chunks)

    def predict_step(self, batch: int, batch_idx: int) -> list[dict[str, Any]]:
        if batch == 0:  # in the trainer's precision, and before anything is recorded
            check_decoding(self.model)
        # choosing needs gradients
        with torch.inference_mode(False), torch.enable_grad():
            chunk = self.trainer.strategy.broadcast(self._run and self._run.next_chunk(batch))
        entries = self._write_shares(chunk)
        if self._run is not None:
            self._run.finish(chunk, entries)
        return entries  # Lightning warns if there is no return value

    def _write_shares(self, chunk: Chunk) -> list[dict[str, Any]]:
        """Returns the entries of the chunk once every process has written its share."""
        strategy, world_size = self.trainer.strategy, self.trainer.world_size
        mine = slice(self.global_rank, None, world_size)
        ids, latents = chunk.ids[mine], chunk.latents[mine]
        share = self._write(ids, latents) if len(ids) else []
        shares = [strategy.broadcast(share, src=rank) for rank in range(world_size)]
        written = [share for share in shares if share is not None]
        if len(written) < world_size:  # all raise, or the others would wait for the failed process
            raise decoding_error(self.model)
        return sorted((entry for share in written for entry in share), key=lambda e: e["id"])

    def _write(self, ids: Sequence[int], latents: Tensor) -> list[dict[str, Any]] | None:
        """Writes samples and returns their entries; None if they are not finite."""
        decoded = decode(self.model, latents)
        return write_samples(self._output, ids, decoded) if decoded.isfinite().all() else None

    def _end(self, number: int, frame: object) -> None:
        """Handles a signal: ends this process and those that it has started."""
        del frame
        launcher = self.trainer.strategy.launcher
        if launcher is not None:
            launcher.kill(number)
        sys.exit(128 + number)  # the shell's status for a process that a signal has ended


@final
class _ChunkNumbers:
    """Numbers the chunks. Every process gets every number.

    A DataLoader would get a distributed sampler, which divides the numbers.
    """

    def __init__(self, count: int) -> None:
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[int]:
        return iter(range(self._count))
