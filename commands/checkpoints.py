"""A look into a checkpoint before anything is started from it."""

import pickle
from pathlib import Path
from typing import Any

import torch
from lightning import LightningModule

from commands.errors import UsageError

__all__ = ["check_checkpoint", "load_average", "load_weights"]


def check_checkpoint(path: Path, module: LightningModule) -> None:
    """Raises UsageError unless the file holds weights that fit the module, name by name."""
    content = _load(path)
    saved = content.get("state_dict")
    if not isinstance(saved, dict) or "pytorch-lightning_version" not in content:
        raise UsageError(
            f"`ckpt_path` '{path}' is not a Lightning checkpoint: it has no weights or does not "
            "say which version wrote it."
        )
    wanted = module.state_dict()
    missing, foreign = sorted(wanted.keys() - saved.keys()), sorted(saved.keys() - wanted.keys())
    reshaped = [k for k in wanted if k in saved and wanted[k].shape != saved[k].shape]
    if missing or foreign or reshaped:
        difference = (
            f"it lacks {missing[0]}"
            if missing
            else f"its {foreign[0]} is unknown here"
            if foreign
            else f"its {reshaped[0]} has shape {tuple(saved[reshaped[0]].shape)}, here it is "
            f"{tuple(wanted[reshaped[0]].shape)}"
        )
        raise UsageError(
            f"`ckpt_path` '{path}' is of another model than the configured "
            f"{type(module).__name__}: {difference}; use the config.yaml of its run."
        )


def load_weights(path: Path, module: LightningModule) -> None:
    """Replaces the module's weights by the file's; optimizers and callbacks in it do not matter.

    Raises:
        UsageError: if the file does not hold weights that fit the module.
    """
    check_checkpoint(path, module)
    module.load_state_dict(_load(path)["state_dict"])


def load_average(path: Path, module: LightningModule) -> None:
    """Replaces the generator's weights by the average that the callback GeneratorEMA keeps of them.

    Raises:
        UsageError: if the file holds no such average, or one of another generator.
    """
    kept = _load(path).get("callbacks", {}).get("GeneratorEMA", {}).get("average")
    if not kept:
        raise UsageError(
            f"`use_ema` needs a checkpoint with the average that the callback GeneratorEMA keeps, "
            f"got '{path}' without one; leave the option out, or train with that callback."
        )
    wanted = module.generator.state_dict() if hasattr(module, "generator") else {}
    if {k: v.shape for k, v in kept.items()} != {k: v.shape for k, v in wanted.items()}:
        raise UsageError(
            f"`use_ema` needs an average of this generator, got in '{path}' one of another; use "
            "the config.yaml of its run."
        )
    module.generator.load_state_dict(kept)


def _load(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise UsageError(
            f"`ckpt_path` must be a checkpoint file, got '{path}', which does not exist."
        )
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except (OSError, RuntimeError, pickle.UnpicklingError) as error:
        raise UsageError(
            f"`ckpt_path` '{path}' cannot be read as a checkpoint: it was not written by this "
            "program or is damaged; name another file."
        ) from error
    return content if isinstance(content, dict) else {}
