"""What a command prints at its start and end, with the command that continues it."""

import math
import os
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import wandb
from lightning import Trainer
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint, Timer
from lightning.pytorch.utilities import rank_zero_only

from callbacks import HistoryAwareSampling
from commands.run.checkpoints import progress
from commands.run.folder import checkpoints_in, newest
from commands.sample.run import SampleRun
from hawc.printable import print_line, shortened
from lightning_modules.base.checkpoints import can_resume
from lightning_modules.interface import AdversarialPair, CriticSchedule, provides

__all__ = [
    "continuation_options",
    "newest_saved",
    "print_exported",
    "print_samples",
    "print_sampling",
    "print_start",
    "print_summary",
    "program",
    "stopped_by",
]

_PROGRAM = Path(__file__).resolve().parents[2] / "train.py"


@rank_zero_only
def print_start(run_folder: Path, ckpt_path: str | None, *notices: str | None) -> None:
    """Prints the run's folder, the checkpoint it starts from, and the given notices."""
    start = f"starting from: {ckpt_path}" if ckpt_path else None
    for line in filter(None, (f"run folder: {run_folder}", start, *notices)):
        print_line(line)


@rank_zero_only
def print_summary(
    run_folder: Path,
    trainer: Trainer,
    lost: bool = False,
    saved: Path | None = None,
    has_max_time: bool = False,
    can_continue: bool = True,
) -> None:
    """Prints which files the run has left, and the next command.

    Args:
        run_folder: of the run.
        trainer: of the run, which has ended.
        lost: whether the run ended because a loss or weight was not finite. The last weights may
            be lost too, so the run continues from best.ckpt, if there is one.
        saved: checkpoint that was written after a signal, or None.
        has_max_time: whether `trainer.max_time` was set.
        can_continue: whether config.yaml can be used again. False if Lightning refused its options,
            or if it names classes of `__main__`.
    """
    checkpoint = saved or newest_saved(run_folder, trainer)
    wandb_files = _wandb_files()
    best = run_folder / "checkpoints" / "best.ckpt"
    places = {
        "images": _existing(run_folder / "images"),
        "metrics": _existing(run_folder / "metrics.csv"),
        "settings": _existing(run_folder / "config.yaml"),
        "checkpoint": _existing(checkpoint),
        "best": _existing(best),
        "W&B": wandb_files and str(wandb_files),
    }
    print_line()
    print_line(f"run folder   {run_folder}")
    for label, place in places.items():
        if place:
            print_line(f"  {label:<10} {place}")
    if line := _without_generator_step(trainer):
        print_line(line)
    start = best if lost and best.exists() else checkpoint
    if not can_continue:
        return
    if start is None or not start.exists() or not places["settings"] or not can_resume(start):
        return
    print_line("what next")
    longer = continuation_options(trainer, start, has_max_time)
    resume = ("--config", places["settings"], "--ckpt_path", str(_short(start)))
    options = (word for option in longer.items() for word in option)
    command = (*_launcher("python"), program(), *resume, *options)
    print_line(f"  {_purpose(trainer, longer)}: {shlex.join(command)}")
    if wandb_files and wandb_files.name.startswith("offline-run"):
        sync = (*_launcher("wandb"), "sync", str(wandb_files))
        print_line(f"  put the run online: {shlex.join(sync)}")


def newest_saved(run_folder: Path, trainer: Trainer) -> Path | None:
    """Returns the newest checkpoint of the run and its callbacks, or None."""
    found = set(checkpoints_in(run_folder))
    for callback in trainer.checkpoint_callbacks:
        if isinstance(callback, ModelCheckpoint) and callback.dirpath:
            named = {callback.best_model_path, callback.last_model_path, *callback.best_k_models}
            inside = {Path(p) for p in named if p and Path(p).is_relative_to(callback.dirpath)}
            found |= {path for path in inside if path.is_file()}
    return newest(found, can_resume) if found else None


def continuation_options(
    trainer: Trainer, checkpoint: Path, has_max_time: bool = False
) -> dict[str, str]:
    """Returns the options that double each limit at which a run has ended.

    Args:
        trainer: of the run, which has ended.
        checkpoint: from which the training can continue.
        has_max_time: whether `trainer.max_time` was set. Its time includes that of the checkpoint.
    """
    epochs, steps = progress(checkpoint)
    if not trainer.state.finished and not _is_at_limit(trainer, epochs, steps):
        return {}
    limits = {
        "max_epochs": (trainer.max_epochs or 0, epochs),
        "max_steps": (trainer.max_steps, steps),
    }
    # a batch of two steps may have exceeded the limit
    options = {name: str(2 * max(pair)) for name, pair in limits.items() if pair[0] > 0}
    timers = [callback for callback in trainer.callbacks if isinstance(callback, Timer)]
    stopped = stopped_by(trainer)
    if has_max_time and timers:
        options["max_time"] = _doubled(timers[0])
        stopped = None if stopped == type(timers[0]).__name__ else stopped
    if stopped:  # min_epochs keeps the callback from ending the run before
        options["min_epochs"] = str(2 * max(1, trainer.current_epoch))
    return {f"--trainer.{name}": value for name, value in options.items()}


def stopped_by(trainer: Trainer) -> str | None:
    """Returns the name of the callback that ended a run before its limits, or None."""
    if not trainer.state.finished or not trainer.should_stop or _is_at_limit(trainer, 0, 0):
        return None
    for callback in trainer.callbacks:
        if isinstance(callback, Timer) and (callback.time_remaining() or 1) <= 0:
            return type(callback).__name__
        if isinstance(callback, EarlyStopping) and callback.stopping_reason_message:
            return type(callback).__name__
    return "the callback that ended it"


def print_sampling(run: SampleRun) -> None:
    """Prints where samples will be written and which gallery they complement."""
    print_line(f"samples: {_short(run.folder.path)}")
    shown = shortened(run.history.condition, 60)
    condition = f', condition "{shown}",' if shown else ""
    print_line(f"gallery: {run.history.gallery}{condition} of {run.history.location}")
    if run.num_chunks == 0:
        print_line(
            f"the folder already holds {len(run.folder)} samples: for more raise --num_samples or "
            "name another --output"
        )


def print_samples(run: SampleRun) -> None:
    """Prints which samples were written, and the command for missing ones."""
    folder, ids = run.folder, run.folder.ids
    print_line()
    print_line(f"samples      {_short(folder.path)}")
    if ids:
        print_line(f"  sampled    {len(ids)}, from number {ids[0]} to {ids[-1]} of the gallery")
        print_line(f"  manifest   {_short(folder.path / 'manifest.json')}")
    if len(ids) < run.num_samples:
        named = any(word.partition("=")[0] == "--output" for word in sys.argv)
        output = () if named else ("--output", str(_short(folder.path)))
        arguments = (*_without_history(sys.argv[1:]), *output)
        print_line(f"  go on: {shlex.join((*_launcher('python'), program(), *arguments))}")
        if len(arguments) < len(sys.argv[1:]) + len(output):
            print_line(
                "         add the same --history; it is not shown, as it may hold a password"
            )


def print_exported(files: Sequence[Path], averaged: bool) -> None:
    """Prints the files of an exported generator and the kind of its weights."""
    print_line(f"the generator{', with the average of its weights' if averaged else ''}:")
    for path in files:
        print_line(f"  {_short(path)}  {path.stat().st_size:,} bytes")


def program() -> str:
    """Returns train.py as the user's shell names it."""
    called = sys.argv[0] if sys.argv else ""
    return called if Path(called).resolve() == _PROGRAM else str(_short(_PROGRAM))


def _is_at_limit(trainer: Trainer, epochs: int, steps: int) -> bool:
    """Returns whether the run, or its checkpoint of these numbers, is at a limit."""
    done = (max(epochs, trainer.current_epoch), max(steps, trainer.global_step))
    limits = (trainer.max_epochs or -1, trainer.max_steps)
    return any(0 < limit <= reached for limit, reached in zip(limits, done, strict=True))


def _doubled(timer: Timer) -> str:
    """Returns twice a timer's duration, as days:hours:minutes:seconds."""
    seconds = math.ceil(2 * (timer.time_elapsed() + (timer.time_remaining() or 0)))
    minutes, hours = seconds // 60, seconds // 3600
    return f"{hours // 24:02}:{hours % 24:02}:{minutes % 60:02}:{seconds % 60:02}"


def _without_history(arguments: Sequence[str]) -> Iterator[str]:
    """Yields the arguments without the gallery's URL, which may hold a password."""
    previous = ""
    for argument in arguments:
        if argument.partition("=")[0] != "--history" and previous != "--history":
            yield argument
        previous = argument


def _launcher(name: str) -> tuple[str, ...]:
    """Returns how the user's shell starts a program of this environment."""
    installed = Path(sys.executable).with_name(name)
    if "UV_RUN_RECURSION_DEPTH" in os.environ and "UV" in os.environ:  # started by `uv run`
        return (_from_shell(Path(os.environ["UV"]), hidden=installed.parent), "run", name)
    return (_from_shell(installed),)


def _from_shell(file: Path, hidden: Path | None = None) -> str:
    """Returns a program's name if the shell finds it on its PATH, otherwise its path.

    Args:
        file: absolute path of the program.
        hidden: a folder that `uv run` has added to PATH, so the shell does not have it.
    """
    folders = os.environ.get("PATH", "").split(os.pathsep)
    path = os.pathsep.join(folder for folder in folders if not hidden or Path(folder) != hidden)
    found = shutil.which(file.name, path=path)
    return file.name if found and Path(found) == file else str(_short(file))


def _purpose(trainer: Trainer, longer: Mapping[str, str]) -> str:
    if not longer:
        return "go on"
    samples = any(isinstance(c, HistoryAwareSampling) for c in trainer.callbacks)
    purpose = "train on and sample more images, none like the earlier" if samples else "train on"
    least = longer.get("--trainer.min_epochs")
    return f"{purpose}, to epoch {least}, ignoring {stopped_by(trainer)}" if least else purpose


def _without_generator_step(trainer: Trainer) -> str | None:
    """Returns a line if the training ended before the generator's first step."""
    model = trainer.lightning_module
    if not provides(model, AdversarialPair) or model.generator_step or not model.critic_step:
        return None
    due = model.critic_steps_due(0) if provides(model, CriticSchedule) else "some"
    return (
        f"the generator made no step: its first comes after {due} of the critic, and the run ended "
        f"after {model.critic_step}"
    )


def _wandb_files() -> Path | None:
    # not the folder of the trainer's logger: a run that got SIGTERM has dropped that logger
    folder = Path(wandb.run.dir).parent if wandb.run else None
    return _short(folder) if folder and "run-" in folder.name and folder.exists() else None


def _existing(path: Path | None) -> str:
    return str(_short(path)) if path is not None and path.exists() else ""


def _short(path: Path) -> Path:
    """Returns the path relative to the working directory if it lies below it."""
    absolute = path.absolute()
    return absolute.relative_to(Path.cwd()) if absolute.is_relative_to(Path.cwd()) else absolute
