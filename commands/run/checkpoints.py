"""Checks of checkpoints before a run starts from them, and their weights."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lightning import LightningModule, Trainer
from torch import Tensor

from callbacks.base.restoring import check_callback_states
from commands.errors import UsageError
from commands.run.folder import run_of
from hawc.printable import shortened
from lightning_modules.base.checkpoints import (
    missing_to_resume,
    read_average,
    read_checkpoint,
    read_weights,
)
from lightning_modules.base.resumption import check_restorable, check_training
from lightning_modules.interface import AdversarialPair, provides

__all__ = [
    "check_checkpoint",
    "check_unfinished",
    "holds_average",
    "load_average",
    "load_weights",
    "progress",
]

_OPTION = "ckpt_path"


def check_checkpoint(
    path: Path, module: LightningModule, trainer: Trainer, stage: str = "fit"
) -> None:
    """Raises UsageError unless a command can start from the file.

    Args:
        path: of a checkpoint.
        module: as configured; its weights must have the names and shapes of the file's.
        trainer: of the run.
        stage: "fit", "validate" or "test".
    """
    with _plain_errors():
        read_weights(path, module, _OPTION)
        content = read_checkpoint(path, _OPTION)
    if stage == "fit" and (missing := missing_to_resume(content)):
        raise UsageError(
            f"`{_OPTION}` must hold {missing} to resume a training, got only weights in '{path}'; "
            "name a checkpoint saved without `save_weights_only`."
        )
    try:
        check_restorable(content, module, trainer, f"{stage}_loop")
        check_callback_states(content.get("callbacks") or {}, trainer, module)
        if stage == "fit":
            check_training(content, module)
    except Exception as error:  # errors of odd states have no common base
        raise UsageError(
            f"`{_OPTION}` must hold states that fit this run, got others in '{path}': "
            f"{shortened(str(error) or type(error).__name__, 200)}. Use the config.yaml of its run."
        ) from error


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


def _average(path: Path) -> dict[str, Tensor]:
    with _plain_errors():
        return read_average(path, _OPTION)


@contextmanager
def _plain_errors() -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise UsageError(str(error)) from error
