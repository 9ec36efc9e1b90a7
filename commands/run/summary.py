"""What a run says of itself at its start and at its end."""

import os
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import wandb
from lightning import Trainer
from lightning.pytorch.utilities import rank_zero_only

from callbacks import HistoryAwareSampling
from commands.run.checkpoints import can_resume
from commands.run.training_options import options_to_go_on, saved_by_run, stopped_by
from commands.sample.run import SampleRun
from lightning_modules.interface import AdversarialPair, CriticSchedule, provides

__all__ = [
    "print_exported",
    "print_samples",
    "print_sampling",
    "print_start",
    "print_summary",
    "program",
]

_PROGRAM = Path(__file__).resolve().parents[2] / "train.py"


@rank_zero_only
def print_start(run_folder: Path, ckpt_path: str | None, *notices: str | None) -> None:
    """Names the run's folder, what it starts from, and what else the user should know."""
    print(f"run folder: {run_folder}")
    if ckpt_path:
        print(f"starting from: {ckpt_path}")
    for notice in filter(None, notices):
        print(notice)


@rank_zero_only
def print_summary(
    run_folder: Path,
    trainer: Trainer,
    lost: bool = False,
    saved: Path | None = None,
    has_max_time: bool = False,
    goes_on: bool = True,
) -> None:
    """Says what the run left where, and what to type next.

    Args:
        run_folder: of the run.
        trainer: which ran it.
        lost: whether it ended because its numbers were lost: it then goes on from best.ckpt, if
            there is one, as its last weights may have been lost already.
        saved: what it wrote when it was told to stop, None if it was not told.
        has_max_time: whether `trainer.max_time` was set.
        goes_on: whether config.yaml can be used again. False if its options were refused, or if
            it names classes of `__main__`.
    """
    checkpoint = saved or saved_by_run(run_folder, trainer)
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
    print(f"\nrun folder   {run_folder}")
    for label, place in places.items():
        if place:
            print(f"  {label:<10} {place}")
    if line := _without_generator_step(trainer):
        print(line)
    start = best if lost and best.exists() else checkpoint
    if not goes_on:
        return
    if start is None or not start.exists() or not places["settings"] or not can_resume(start):
        return
    print("what next")
    longer = options_to_go_on(trainer, start, has_max_time)
    resume = ("--config", places["settings"], "--ckpt_path", str(_short(start)))
    options = (word for option in longer.items() for word in option)
    command = (*_launcher("python"), program(), *resume, *options)
    print(f"  {_purpose(trainer, longer)}: {shlex.join(command)}")
    if wandb_files and wandb_files.name.startswith("offline-run"):
        sync = (*_launcher("wandb"), "sync", str(wandb_files))
        print(f"  put the run online: {shlex.join(sync)}")


def print_sampling(run: SampleRun) -> None:
    """Says where samples will be and which gallery they complement."""
    print(f"samples: {_short(run.folder.path)}")
    print(f"gallery: {run.history.gallery} of {run.folder.description['history']}")
    if run.num_chunks == 0:
        print(
            f"the folder already holds {len(run.folder)} samples: for more raise --num_samples or "
            "name another --output"
        )


def print_samples(run: SampleRun) -> None:
    """Says what was drawn and, if samples are missing, how to go on."""
    folder, ids = run.folder, run.folder.ids
    print(f"\nsamples      {_short(folder.path)}")
    if ids:
        print(f"  drawn      {len(ids)}, from number {ids[0]} to {ids[-1]} of the gallery")
        print(f"  manifest   {_short(folder.path / 'manifest.json')}")
    if len(ids) < run.num_samples:
        named = any(word.partition("=")[0] == "--output" for word in sys.argv)
        output = () if named else ("--output", str(_short(folder.path)))
        arguments = (*_without_history(sys.argv[1:]), *output)
        print(f"  go on: {shlex.join((*_launcher('python'), program(), *arguments))}")
        if len(arguments) < len(sys.argv[1:]) + len(output):
            print("         with the --history that was named; it may hold a password")


def print_exported(files: Sequence[Path], averaged: bool) -> None:
    """Names the files of a generator, and which of its weights they hold."""
    print(f"the generator{', by the average of its weights' if averaged else ''}:")
    for path in files:
        print(f"  {_short(path)}  {path.stat().st_size:,} bytes")


def _without_history(arguments: Sequence[str]) -> Iterator[str]:
    """Yields the arguments without the gallery's URL: a password may stand in it."""
    previous = ""
    for argument in arguments:
        if argument.partition("=")[0] != "--history" and previous != "--history":
            yield argument
        previous = argument


def _launcher(program: str) -> tuple[str, ...]:
    """Returns how to start a program of this environment from the user's shell."""
    own = Path(sys.executable).with_name(program)
    if "UV_RUN_RECURSION_DEPTH" in os.environ and "UV" in os.environ:  # started by `uv run`
        return (_from_shell(Path(os.environ["UV"]), hidden=own.parent), "run", program)
    return (_from_shell(own),)


def _from_shell(program: Path, hidden: Path | None = None) -> str:
    """Returns a program's name where the shell finds it by that, and its path otherwise.

    Args:
        program: its absolute path.
        hidden: a folder of PATH that the shell does not have: `uv run` has put it there.
    """
    folders = os.environ.get("PATH", "").split(os.pathsep)
    path = os.pathsep.join(folder for folder in folders if not hidden or Path(folder) != hidden)
    found = shutil.which(program.name, path=path)
    return program.name if found and Path(found) == program else str(_short(program))


def program() -> str:
    """Returns how the user's shell names train.py, also where another program has called it."""
    called = sys.argv[0] if sys.argv else ""
    return called if Path(called).resolve() == _PROGRAM else str(_short(_PROGRAM))


def _purpose(trainer: Trainer, longer: Mapping[str, str]) -> str:
    if not longer:
        return "go on"
    samples = any(isinstance(c, HistoryAwareSampling) for c in trainer.callbacks)
    purpose = "train on and draw more samples, none like the earlier" if samples else "train on"
    least = longer.get("--trainer.min_epochs")
    return f"{purpose}, to epoch {least}, ignoring {stopped_by(trainer)}" if least else purpose


def _without_generator_step(trainer: Trainer) -> str | None:
    """Returns a line if an adversarial training ended before the generator's first step."""
    model = trainer.lightning_module
    if not provides(model, AdversarialPair) or model.generator_step or not model.critic_step:
        return None
    due = model.critic_steps_due(0) if provides(model, CriticSchedule) else "some"
    return (
        f"the generator made no step: its first comes after {due} of the critic, and the run ended "
        f"after {model.critic_step}"
    )


def _wandb_files() -> Path | None:
    # not by the trainer's loggers: a run that was sent SIGTERM has given up that of W&B
    folder = Path(wandb.run.dir).parent if wandb.run else None
    return _short(folder) if folder and "run-" in folder.name and folder.exists() else None


def _existing(path: Path | None) -> str:
    return str(_short(path)) if path is not None and path.exists() else ""


def _short(path: Path) -> Path:
    """Returns the path relative to the working directory where it lies below it."""
    absolute = path.absolute()
    return absolute.relative_to(Path.cwd()) if absolute.is_relative_to(Path.cwd()) else absolute
