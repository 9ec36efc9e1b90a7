"""Checkpoints that are whole or not there, and that run no code when they are read.

A full disk or a kill leaves the file of that name as it was; a kill while one is written also
leaves <name>.part, which nobody reads.
"""

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, final

import torch
from lightning.pytorch.plugins import TorchCheckpointIO

__all__ = ["AtomicCheckpointIO"]


@final
class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes beside the old file and then puts the new one in its place in one step.

    Lightning's own way writes to the system's folder for temporary files first, which may be full
    or lie on another disk, from where a file is copied and not replaced in one step.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        """Saves a checkpoint; on failure the file of that name is what it was.

        Raises:
            OSError: naming the file, if it cannot be written.
        """
        if "://" in str(path) or storage_options is not None:
            # an object store writes whole objects by itself
            super().save_checkpoint(checkpoint, path, storage_options)
            return
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        content = io.BytesIO()  # torch tells of a full disk in a way that nobody understands
        torch.save(checkpoint, content)
        partial = Path(f"{path}.part")
        try:
            _write_through(partial, content.getbuffer())
            os.replace(partial, path)
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise OSError(error.errno, error.strerror, str(path)) from error
        except BaseException:
            partial.unlink(missing_ok=True)
            raise

    def load_checkpoint(
        self,
        path: str | Path,
        map_location: Callable[..., Any] | None = lambda storage, _: storage,
        weights_only: bool | None = None,
    ) -> dict[str, Any]:
        """Returns what a file holds: tensors, numbers and texts, never anything that runs code.

        Raises:
            pickle.UnpicklingError: if it holds anything else, whatever `weights_only` says.
        """
        return super().load_checkpoint(path, map_location, weights_only=True)


def _write_through(path: Path, content: memoryview) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())  # a disk on the network says only now that it is full
