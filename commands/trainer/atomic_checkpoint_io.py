"""Checkpoints that are written whole or not at all, and run no code when read."""

import copy
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, final

import torch
from lightning.pytorch.plugins import TorchCheckpointIO

from hawc.io.files import atomic_write
from lightning_modules.base.checkpoints import read_checkpoint

__all__ = ["AtomicCheckpointIO"]


@final
class AtomicCheckpointIO(TorchCheckpointIO):
    """Saves beside the old file, which the new one then replaces in one step.

    Lightning saves to the system's temporary folder first. That folder may be full, or lie on
    another disk: the file is then copied, not replaced in one step.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        """Saves a checkpoint; on an error the earlier file stays.

        Raises:
            OSError: naming the file, if it cannot be written.
        """
        if "://" in str(path) or storage_options is not None:
            # an object store writes objects whole
            super().save_checkpoint(checkpoint, path, storage_options)
            return
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        content = io.BytesIO()  # torch.save to a full disk raises an error that does not say so
        torch.save(checkpoint, content)
        with atomic_write(path, durable=True) as file:
            file.write(content.getbuffer())

    def load_checkpoint(
        self,
        path: str | Path,
        map_location: Callable[..., Any] | None = lambda storage, _: storage,
        weights_only: bool | None = None,
    ) -> dict[str, Any]:
        """Returns the content of a file: tensors, numbers and texts.

        Raises:
            ValueError: if it holds anything else, even if `weights_only` is False.
        """
        if "://" in str(path):
            return super().load_checkpoint(path, map_location, weights_only=True)
        # copied: tensors of the file itself would be lost if a network disk replaced it
        return copy.deepcopy(read_checkpoint(Path(path), "ckpt_path"))
