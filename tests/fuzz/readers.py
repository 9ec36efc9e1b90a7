"""Kinds of mutated files, each read by the command that users read it with."""

import json
import random
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn, final

import torch
import yaml
from lightning.pytorch.cli import LightningCLI

import hawc.gallery_commands
import train
from benchmarks.hostile.bases import CHECKPOINT, CONFIG
from commands import main as entry
from commands.experiment import ExperimentCLI
from commands.run.written_config import WriteConfig
from commands.sample.request import SampleRequest
from datamodules import CSVTable
from hawc import DatabaseHistory, MemoryHistory, StandardNormal
from hawc.history import HistoryConflictError, HistoryStoreError, import_history
from tests.fuzz.archive_mutations import mutated_archive, mutated_checkpoint
from tests.fuzz.raw_mutations import mutated_bytes
from tests.fuzz.store_mutations import mutate_store
from tests.fuzz.value_mutations import mutated_value

__all__ = ["Readers"]

_GALLERY = ("--gallery", "default", "--condition", "a red fox")
_LOOKS: tuple[tuple[str, ...], ...] = (
    ("list", "gallery.db"),
    ("show", "gallery.db"),
    ("show", "gallery.db", "--condition", "", "--id", "1"),
    ("export", "gallery.db", *_GALLERY, "out.npz"),
    ("sheet", "gallery.db", "out.html"),
    ("forget", "gallery.db", *_GALLERY, "1"),
)
_GIVEN = ("--config", "config.yaml", "--ckpt_path", "given.ckpt")
_COMMANDS: dict[str, tuple[str, ...]] = {
    "fit": ("fit", *_GIVEN, "--trainer.max_epochs", "2", "--run_folder", "new"),
    "sample": ("sample", *_GIVEN, "--num_samples", "2", "--output", "new"),
    "export": ("export", *_GIVEN, "--output", "new", "--program", "false"),
}
# of LightningCLI, which its `setup_parser` sets
_PARSING = ("parser", "_subcommand_method_arguments", "_subcommand_parsers")


@final
class Readers:
    """Mutates a file of one kind and reads it, in a folder with honest files.

    A method for each kind takes random numbers and ends as the command would.

    Args:
        bases: folder that `make_bases` filled; it becomes the working folder.
    """

    def __init__(self, bases: Path) -> None:
        self._bases = bases
        self._model: Any = None
        self._waiting = {name: self._begun(arguments) for name, arguments in _COMMANDS.items()}

    def _begun(self, arguments: Sequence[str]) -> ExperimentCLI:
        """Returns a command with its parsed options and built classes, before it runs."""
        shutil.copy(CHECKPOINT, "given.ckpt")
        begun: list[ExperimentCLI] = []
        ExperimentCLI._run_subcommand = lambda cli, _: begun.append(cli)
        try:
            train.main(arguments)
        finally:
            del ExperimentCLI._run_subcommand
        self._model = begun[0].model
        for callback in begun[0].trainer.callbacks:
            if isinstance(callback, WriteConfig):
                _ = callback.content  # kept from now on; it takes most of the time of a short run
        return begun[0]

    def checkpoint(self, chance: random.Random) -> None:
        """Resumes from a checkpoint, samples or exports it; changes this process for good."""
        name = chance.choice(("fit", "fit", "fit", "sample", "export"))
        content = mutated_checkpoint((self._bases / CHECKPOINT).read_bytes(), chance)
        Path("given.ckpt").write_bytes(content)
        cli = self._waiting[name]
        _enter(lambda: LightningCLI._run_subcommand(cli, name), _COMMANDS[name])

    def gallery(self, chance: random.Random) -> None:
        """Looks into a store, or opens one of its histories and appends to it."""
        shutil.copy(self._bases / "gallery.db", "gallery.db")
        mutate_store(Path("gallery.db"), chance)
        command = chance.choice((*_LOOKS, (), ()))
        if command:
            sys.exit(hawc.gallery_commands.main(["gallery", *command]))
        _use_library(_append)

    def archive(self, chance: random.Random) -> None:
        """Imports an archive."""
        content = mutated_archive((self._bases / "rows.npz").read_bytes(), chance)
        Path("given.npz").write_bytes(content)
        if chance.random() < 0.5:
            history: Any = MemoryHistory()
        else:
            history = DatabaseHistory(Path("imported.db"), StandardNormal(2), create=True)
        _use_library(lambda: import_history("given.npz", history))

    def manifest(self, chance: random.Random) -> None:
        """Continues an output folder of `sample` with a changed manifest or plan."""
        folder = chance.choice(("samples", "samples-planned"))
        shutil.copytree(self._bases / folder, folder)
        shutil.copy(self._bases / "samples.db", "samples.db")
        names = ("manifest.json", ".unfinished.json")[: 1 + (folder == "samples-planned")]
        _mutate_text(Path(folder) / chance.choice(names), chance, "json")
        _enter(lambda: self._sample(folder), _COMMANDS["sample"])

    def _sample(self, output: str) -> None:
        request = SampleRequest(CHECKPOINT, 4, history="samples.db", output=output)
        run = request.open(self._model, seed=7)
        for index in range(run.num_chunks):
            run.next_chunk(index)
        run.folder.close()

    def configuration(self, chance: random.Random) -> None:
        """Parses a configuration file and builds what it names."""
        path = Path("given.yaml")
        path.write_text(yaml.safe_dump(CONFIG))
        _mutate_text(path, chance, "yaml")
        kept = self._waiting["fit"]

        def set_up(cli: ExperimentCLI, *_: Any) -> None:  # a third of a second, and always the same
            cli.__dict__ |= {name: vars(kept)[name] for name in _PARSING}

        ExperimentCLI.setup_parser = set_up
        ExperimentCLI._run_subcommand = lambda *_: None
        try:
            train.main(["fit", "--config", "given.yaml", "--run_folder", "new"])
        finally:
            del ExperimentCLI.setup_parser, ExperimentCLI._run_subcommand

    def table(self, chance: random.Random) -> None:
        """Reads a CSV file."""
        content = (self._bases / "table.csv").read_bytes()
        Path("given.csv").write_bytes(_mutated_table(content, chance))
        _enter(lambda: CSVTable("given.csv", batch_size=4).setup("fit"), _COMMANDS["fit"])


def _enter(action: Callable[[], Any], arguments: Sequence[str]) -> None:
    """Runs an action in place of the command, with its handling of errors."""
    kept, entry.ExperimentCLI = entry.ExperimentCLI, action
    try:
        train.main(arguments)
    finally:
        entry.ExperimentCLI = kept


def _use_library(action: Callable[[], Any]) -> None:
    """Runs an action; an error that the library documents ends with one line."""
    try:
        action()
    except (HistoryStoreError, HistoryConflictError) as error:
        _end(error, 1)
    except ValueError as error:
        if not str(error).startswith("`"):  # not of the library
            raise
        _end(error, 2)


def _end(error: Exception, status: int) -> NoReturn:
    print(str(error), file=sys.stderr)
    sys.exit(status)


def _append() -> None:
    history = DatabaseHistory(Path("gallery.db"), StandardNormal(2), condition="a red fox")
    before = history.view()
    history.append(torch.ones(2, 2), expected_length=len(before))
    if len([*history]) > len(before) + 2 or len(history) != len(before) + 2:
        raise AssertionError("an append lost rows")


def _mutate_text(path: Path, chance: random.Random, form: str) -> None:
    """Changes a document: its bytes in a third of all cases, else its values."""
    if chance.random() < 1 / 3:
        path.write_bytes(mutated_bytes(path.read_bytes(), chance))
        return
    changed = mutated_value(yaml.safe_load(path.read_text()), chance)
    if form == "yaml":
        text = yaml.dump(changed, allow_unicode=chance.random() < 0.5)
    else:
        text = json.dumps(changed)
    path.write_bytes(text.encode("utf-8", "surrogatepass"))


def _mutated_table(content: bytes, chance: random.Random) -> bytes:
    if chance.random() < 0.5:
        return mutated_bytes(content, chance)
    cells = [line.split(b",") for line in content.splitlines()]
    odd = (b"", b"nan", b"1e400", b'"', b'"a\nb"', b"\0", b"9" * 400, b"\x1b[1m", b"\xff", b"1_0")
    for _ in range(chance.choice((1, 1, 3))):
        row = chance.choice(cells)
        change = chance.randrange(4)
        if change == 0:
            row.append(chance.choice(odd))
        elif change == 1:
            row[:] = row[:-1]
        elif row:
            row[chance.randrange(len(row))] = chance.choice(odd)
    return b"\r\n".join(b",".join(row) for row in cells if row)
