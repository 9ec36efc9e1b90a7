"""Checks of checkpoints before a run starts from them, and their weights."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lightning import LightningModule, Trainer
from torch import Tensor

from commands.errors import UsageError
from commands.run.folder import run_of
from lightning_modules.base.checkpoints import read_checkpoint, read_weights
from lightning_modules.interface import AdversarialPair, provides

__all__ = [
    "can_resume",
    "check_checkpoint",
    "check_resumable",
    "check_unfinished",
    "holds_average",
    "load_average",
    "load_weights",
    "progress",
]

_OPTION = "ckpt_path"
_RESUMED = ("optimizer_states", "lr_schedulers", "loops", "callbacks")


def check_checkpoint(path: Path, module: LightningModule) -> None:
    """Raises UsageError unless names and shapes of the file's weights fit the module."""
    with _plain_errors():
        read_weights(path, module, _OPTION)


def check_resumable(path: Path, module: LightningModule) -> None:
    """Raises UsageError unless a training can be resumed from the file."""
    check_checkpoint(path, module)
    with _plain_errors():
        content = read_checkpoint(path, _OPTION)
    if missing := _missing(content):
        raise UsageError(
            f"`{_OPTION}` must hold {missing} to resume a training, got only weights in '{path}'; "
            "name a checkpoint saved without `save_weights_only`."
        )


def can_resume(path: Path) -> bool:
    """Returns whether a training of any model can be resumed from a file."""
    try:
        return _missing(read_checkpoint(path, _OPTION)) is None
    except ValueError:
        return False


def progress(path: Path) -> tuple[int, int]:
    """Returns the epochs and steps of the training that saved a resumable checkpoint.

    Raises:
        UsageError: if the file cannot be read.
    """
    with _plain_errors():
        content = read_checkpoint(path, _OPTION)
    epochs = content["loops"]["fit_loop"]["epoch_progress"]["current"]["processed"]
    return epochs, content["global_step"]


def check_unfinished(path: Path, trainer: Trainer, run_folder: Path) -> None:
    """Raises UsageError if a training resumed from the file would make no step.

    Args:
        path: of a resumable checkpoint.
        trainer: of the resumed training, with its limits.
        run_folder: of the resumed training. If it holds the file, a job starts again, which may
            have reached its end before.
    """
    if run_of(path).resolve() == run_folder.resolve():
        return
    limits = {"epochs": trainer.max_epochs, "steps": trainer.max_steps}
    for unit, reached in zip(limits, progress(path), strict=True):
        limit = limits[unit]
        if limit is not None and 0 <= limit <= reached:
            if trainer.fast_dev_run:  # which sets the limits itself
                raise UsageError(
                    f"`trainer.fast_dev_run` must be used without `{_OPTION}` '{path}', which has "
                    f"already made {limit} {unit}, got both; leave one out."
                )
            raise UsageError(
                f"`trainer.max_{unit}` must be above {reached}, the {unit} in `{_OPTION}` "
                f"'{path}', to resume the training, got {limit}; raise it."
            )


def load_weights(path: Path, module: LightningModule) -> None:
    """Replaces the module's weights by the file's; ignores optimizers and callbacks.

    Raises:
        UsageError: if the file does not hold weights that fit the module.
    """
    with _plain_errors():
        module.load_state_dict(read_weights(path, module, _OPTION))


def holds_average(path: Path) -> bool:
    """Returns whether the file holds an average of the generator by GeneratorEMA.

    Raises:
        UsageError: if the file cannot be read.
    """
    return bool(_average(path))


def load_average(path: Path, module: LightningModule) -> None:
    """Replaces the generator's weights by their average of GeneratorEMA.

    Raises:
        UsageError: if the file holds no such average, or one of another generator.
    """
    kept = _average(path)
    if not kept:
        raise UsageError(
            f"`use_ema` needs a checkpoint with an average of the callback GeneratorEMA, got "
            f"'{path}' without one; leave the option out, or train with that callback."
        )
    wanted = module.generator.state_dict() if provides(module, AdversarialPair) else {}
    if {k: v.shape for k, v in kept.items()} != {k: v.shape for k, v in wanted.items()}:
        raise UsageError(
            f"`use_ema` needs an average of this generator, got in '{path}' that of another one; "
            "use the config.yaml of its run."
        )
    module.generator.load_state_dict(kept)


def _missing(content: Mapping[str, Any]) -> str | None:
    """Returns a part that resuming needs and a checkpoint lacks, or None."""
    empty = {"optimizer_states"} if not content.get("optimizer_states") else set()
    return next((name for name in _RESUMED if name not in content or name in empty), None)


def _average(path: Path) -> dict[str, Tensor]:
    with _plain_errors():
        content = read_checkpoint(path, _OPTION)
    return content.get("callbacks", {}).get("GeneratorEMA", {}).get("average") or {}


@contextmanager
def _plain_errors() -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise UsageError(str(error)) from error
