"""What a run says of itself at its start and at its end."""

import shlex
from pathlib import Path

from lightning import Trainer
from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.utilities import rank_zero_only

__all__ = ["print_start", "print_summary"]


@rank_zero_only
def print_start(run_folder: Path, wandb_notice: str | None) -> None:
    """Names the run's folder and says where W&B stands."""
    print(f"run folder: {run_folder}")
    if wandb_notice:
        print(wandb_notice)


@rank_zero_only
def print_summary(run_folder: Path, trainer: Trainer) -> None:
    """Says what the run left where, and what to type next."""
    checkpoint = getattr(trainer.checkpoint_callback, "best_model_path", "")
    wandb_files = _wandb_files(run_folder, trainer)
    places = {
        "pictures": _existing(run_folder / "pictures"),
        "metrics": _existing(run_folder / "metrics.csv"),
        "settings": _existing(run_folder / "config.yaml"),
        "checkpoint": _existing(Path(checkpoint)) if checkpoint else "",
        "W&B": wandb_files and str(wandb_files),
    }
    print(f"\nrun folder   {run_folder}")
    for label, place in places.items():
        if place:
            print(f"  {label:<10} {place}")
    if places["checkpoint"] and places["settings"]:
        resume = ("--config", places["settings"], "--ckpt_path", places["checkpoint"])
        finished = trainer.state.finished
        more = ("python", "train.py", *resume, *(_twice_as_long(trainer) if finished else ()))
        purpose = "train on and draw more samples, none like the earlier" if finished else "go on"
        print("what next")
        print(f"  {purpose}: {shlex.join(more)}")
        if wandb_files and wandb_files.name.startswith("offline-run"):
            print(f"  put the run online: {shlex.join(('wandb', 'sync', str(wandb_files)))}")


def _twice_as_long(trainer: Trainer) -> tuple[str, str]:
    if trainer.max_steps > 0:
        return "--trainer.max_steps", str(2 * trainer.max_steps)
    return "--trainer.max_epochs", str(2 * (trainer.max_epochs or 0))


def _wandb_files(run_folder: Path, trainer: Trainer) -> Path | None:
    if not any(isinstance(logger, WandbLogger) for logger in trainer.loggers):
        return None
    latest = run_folder / "wandb" / "latest-run"
    return _short(latest.resolve()) if latest.exists() else None


def _existing(path: Path) -> str:
    return str(_short(path)) if path.exists() else ""


def _short(path: Path) -> Path:
    """Returns the path relative to the working directory where it lies below it."""
    absolute = path.absolute()
    return absolute.relative_to(Path.cwd()) if absolute.is_relative_to(Path.cwd()) else absolute
