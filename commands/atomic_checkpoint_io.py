"""Checkpoints that are whole or not there: a full disk or a kill leaves the one before."""

import os
from pathlib import Path
from typing import Any, final

from lightning.pytorch.plugins import TorchCheckpointIO

__all__ = ["AtomicCheckpointIO"]


@final
class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes beside the old file and then puts the new one in its place in one step."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        """Saves a checkpoint; on failure the file of that name is what it was."""
        if "://" in str(path):  # an object store writes whole objects by itself
            super().save_checkpoint(checkpoint, path, storage_options)
            return
        partial = f"{path}.part"
        try:
            super().save_checkpoint(checkpoint, partial, storage_options)
            os.replace(partial, path)
        except BaseException:
            Path(partial).unlink(missing_ok=True)
            raise
