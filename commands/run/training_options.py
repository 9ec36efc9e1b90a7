"""What a run goes on from, and the options with which it really trains on."""

import math
from pathlib import Path

from lightning import Trainer
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint, Timer

from commands.run.checkpoints import can_resume, progress
from commands.run.folder import checkpoints_in, newest

__all__ = ["options_to_go_on", "saved_by_run", "stopped_by"]


def saved_by_run(run_folder: Path, trainer: Trainer) -> Path | None:
    """Returns the newest checkpoint that a run saved, in its folder or where its callbacks say."""
    found = set(checkpoints_in(run_folder))
    for callback in trainer.checkpoint_callbacks:
        if isinstance(callback, ModelCheckpoint) and callback.dirpath:
            named = {callback.best_model_path, callback.last_model_path, *callback.best_k_models}
            inside = {Path(p) for p in named if p and Path(p).is_relative_to(callback.dirpath)}
            found |= {path for path in inside if path.is_file()}
    return newest(found, can_resume) if found else None


def stopped_by(trainer: Trainer) -> str | None:
    """Returns the name of the callback that ended a run before its limits, None if none did."""
    if not trainer.state.finished or not trainer.should_stop or _is_at_limit(trainer, 0, 0):
        return None
    for callback in trainer.callbacks:
        if isinstance(callback, Timer) and (callback.time_remaining() or 1) <= 0:
            return type(callback).__name__
        if isinstance(callback, EarlyStopping) and callback.stopping_reason_message:
            return type(callback).__name__
    return "the callback that ended it"


def options_to_go_on(
    trainer: Trainer, checkpoint: Path, has_max_time: bool = False
) -> dict[str, str]:
    """Returns options for a run from the checkpoint: as long again, where this one is at its end.

    Args:
        trainer: of the run that has ended.
        checkpoint: that a training can go on from.
        has_max_time: whether `trainer.max_time` was set. Its time includes that of the checkpoint.
    """
    epochs, steps = progress(checkpoint)
    if not trainer.state.finished and not _is_at_limit(trainer, epochs, steps):
        return {}
    limits = {
        "max_epochs": (trainer.max_epochs or 0, epochs),
        "max_steps": (trainer.max_steps, steps),
    }
    # a batch of two steps may have gone beyond the limit
    options = {name: str(2 * max(pair)) for name, pair in limits.items() if pair[0] > 0}
    timers = [callback for callback in trainer.callbacks if isinstance(callback, Timer)]
    stopped = stopped_by(trainer)
    if has_max_time and timers:
        options["max_time"] = _doubled(timers[0])
        stopped = None if stopped == type(timers[0]).__name__ else stopped
    if stopped:  # no callback ends a run before this epoch
        options["min_epochs"] = str(2 * max(1, trainer.current_epoch))
    return {f"--trainer.{name}": value for name, value in options.items()}


def _is_at_limit(trainer: Trainer, epochs: int, steps: int) -> bool:
    """Returns whether the run, or its checkpoint after so many epochs and steps, is at a limit."""
    made = (max(epochs, trainer.current_epoch), max(steps, trainer.global_step))
    limits = (trainer.max_epochs or -1, trainer.max_steps)
    return any(0 < limit <= reached for limit, reached in zip(limits, made, strict=True))


def _doubled(timer: Timer) -> str:
    """Returns twice a timer's duration, as days:hours:minutes:seconds."""
    seconds = math.ceil(2 * (timer.time_elapsed() + (timer.time_remaining() or 0)))
    minutes, hours = seconds // 60, seconds // 3600
    return f"{hours // 24:02}:{hours % 24:02}:{minutes % 60:02}:{seconds % 60:02}"
