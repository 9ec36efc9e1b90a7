"""What a hostile input is, and the commands that get it."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import hawc.gallery_commands
import train
from benchmarks.hostile.bases import CHECKPOINT
from commands import main as entry
from hawc import DatabaseHistory, MemoryHistory, StandardNormal
from hawc.history import HistoryConflictError, HistoryStoreError, import_history

__all__ = [
    *("HONEST", "OUTSIDE", "Input", "canary_command", "export", "fit", "gallery", "imported"),
    *("sample", "train_command", "used_data", "used_history"),
]

HONEST = "honest"  # name of the input that the others of its kind are compared with
OUTSIDE = Path("../outside")  # seen from the working folder; nothing there may change
Action = Callable[[], object]


@final
@dataclass(frozen=True)
class Input:
    """A file or a value of a stranger.

    Args:
        kind: of the input; the table has a row for each.
        name: of this one.
        prepare: writes it into the working folder, where copies of all honest files are.
        action: gets it, as the user's command does.
    """

    kind: str
    name: str
    prepare: Callable[[], object]
    action: Action


def canary_command(name: str = "canary") -> str:
    """Returns a line of shell that leaves a trace outside."""
    return f"touch {OUTSIDE / name}"


def train_command(*arguments: str) -> Action:
    """Returns train.py with these arguments."""

    def act() -> None:
        sys.argv[0] = "train.py"
        train.main(arguments)

    return act


def fit(*more: str, config: str = "config.yaml") -> Action:
    return train_command("fit", "--config", config, "--run_folder", "new", *more)


def sample(*more: str, checkpoint: str = CHECKPOINT, output: str = "new") -> Action:
    given = ("--ckpt_path", checkpoint, "--num_samples", "4", "--output", output)
    return train_command("sample", "--config", "config.yaml", *given, *more)


def export(checkpoint: str, *more: str) -> Action:
    given = ("--ckpt_path", checkpoint, "--output", "new", "--program", "false")
    return train_command("export", "--config", "config.yaml", *given, *more)


def gallery(*arguments: str) -> Action:
    """Returns python -m hawc gallery with these arguments."""
    return lambda: sys.exit(hawc.gallery_commands.main(["gallery", *arguments]))


def imported(path: str, durable: bool = False) -> Action:
    """Returns an import of an archive, which prints errors that the library documents."""

    def act() -> None:
        if durable:
            history: Any = DatabaseHistory(Path("new.db"), StandardNormal(2), create=True)
        else:
            history = MemoryHistory()
        import_history(path, history)

    return _explained(act)


def used_history(path: str, condition: str = "a red fox", append: bool = True) -> Action:
    """Returns a sampler's use of a history: open, read all, append."""

    def act() -> None:
        history = DatabaseHistory(Path(path), StandardNormal(2), condition=condition)
        before = history.view()
        if append:
            history.append(before.new_ones(2, 2), expected_length=len(before))
            if len(history) != len(before) + 2:
                raise AssertionError("an append lost rows")

    return _explained(act)


def used_data(make: Callable[[], Any]) -> Action:
    """Returns the set-up of a data module, with errors as train.py prints them."""

    def act() -> None:
        def set_up() -> None:
            module = make()
            module.prepare_data()
            module.setup("fit")
            next(iter(module.train_dataloader()))

        entry.ExperimentCLI = set_up
        train.main(["fit"] if not os.path.exists("config.yaml") else ["--config", "config.yaml"])

    return act


def _explained(act: Action) -> Action:
    def explained() -> None:
        try:
            act()
        except (HistoryStoreError, HistoryConflictError) as error:
            status, line = 1, str(error)
        except ValueError as error:
            if not str(error).startswith("`"):  # not of the library
                raise
            status, line = 2, str(error)
        else:
            return
        print(line, file=sys.stderr)
        sys.exit(status)

    return explained
