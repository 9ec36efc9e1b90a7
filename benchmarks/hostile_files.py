"""Files of strangers, given to the commands: what runs, what is touched, hangs, memory, lines.

    python -m benchmarks.hostile_files [--kind archive] [--name pipe]

Makes some 400 hostile files and folders of the kinds in `benchmarks/hostile`, and gives each to
the command or the function that its user would call. The process has imported all and is forked for
every input, so that an input costs a second or less.
The files that an input starts from are honest: a trained model, its samples and a gallery. Programs
such as Ghostscript, which a library may start, are replaced on PATH by one that leaves a trace.

Memory is the most that the process had, above that for an honest input of the same kind. Ends with
status 1 if code ran, a file outside was touched, a process hung, or took 500 MB more. Writes
benchmarks/results/hostile_files.md.
"""

import argparse
import gc
import hashlib
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # processes are forked
os.environ.setdefault("WANDB_MODE", "offline")

import torch

from benchmarks.hostile.archives import archive_inputs
from benchmarks.hostile.attempts import Outcome, attempt
from benchmarks.hostile.bases import make_bases
from benchmarks.hostile.checkpoints import checkpoint_inputs
from benchmarks.hostile.configurations import configuration_inputs
from benchmarks.hostile.folders import folder_inputs
from benchmarks.hostile.inputs import HONEST, Input
from benchmarks.hostile.stores import store_inputs
from benchmarks.hostile.tables_and_images import data_inputs

TABLE = Path(__file__).parent / "results" / "hostile_files.md"
PROGRAMS = ("gs", "gswin64c", "convert", "magick", "ffmpeg", "soffice", "pdftoppm", "djpeg")
SECONDS, MEMORY, MOST_MORE = 60.0, 10 * 2**30, 500 * 10**6
COLUMNS = ("kind", "inputs", "code run", "outside touched", "hangs", "tracebacks", "escapes")
COLUMNS += ("worst status", "most lines", "most memory above honest")


@final
@dataclass(frozen=True)
class Finding:
    """What one input did."""

    given: Input
    outcome: Outcome
    ran: bool
    touched: bool
    more: int = 0

    @property
    def is_broken(self) -> bool:
        """Whether it broke a bound that holds for all inputs."""
        return self.ran or self.touched or self.outcome.hung or self.more > MOST_MORE


def inputs() -> list[Input]:
    """Returns all inputs, by kind; the first of each kind is honest."""
    makers = (configuration_inputs, checkpoint_inputs, archive_inputs, store_inputs)
    return [each for make in (*makers, folder_inputs, data_inputs) for each in make()]


def make_outside(folder: Path) -> None:
    """Writes the files that nothing may touch."""
    (folder / "kept").mkdir(parents=True)
    for name in ("victim.txt", "victim.db", "secret.txt", "kept/thesis.tex"):
        (folder / name).write_text(f"{name} of the user\n" * 50)


def state_of(folder: Path) -> dict[str, tuple[int, str]]:
    """Returns mode and checksum of all files in a folder."""
    return {
        str(path.relative_to(folder)): (
            path.stat().st_mode,
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "",
        )
        for path in sorted(folder.rglob("*"))
    }


def make_programs(folder: Path, canary: Path) -> None:
    """Writes programs that leave a trace."""
    folder.mkdir()
    for name in PROGRAMS:
        (folder / name).write_text(f"#!/bin/sh\ntouch '{canary}'\nexit 1\n")
        (folder / name).chmod(stat.S_IRWXU)


def tried(given: Input, bases: Path, seconds: float = SECONDS) -> Finding:
    """Returns what an input did in a new folder beside which others lie."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        work, outside = Path(place) / "work", Path(place) / "outside"
        shutil.copytree(bases, work, symlinks=True)
        make_outside(outside)
        make_programs(Path(place) / "programs", outside / "canary")
        prepared = attempt(given.prepare, work, seconds=5 * SECONDS, memory=2 * MEMORY)
        if prepared.status or prepared.hung:
            raise RuntimeError(f"{given.kind}, {given.name} is not made: {prepared.errors}")
        before = state_of(outside)
        begin = Path("exported") if (work / "exported").is_dir() else Path()

        def act() -> None:
            os.environ["PATH"] = f"{place}/programs:{os.environ['PATH']}"
            given.action()

        outcome = attempt(act, work / begin, seconds=seconds, memory=MEMORY)
        after = state_of(outside)
        ran = "canary" in after
        after.pop("canary", None)
        return Finding(given, outcome, ran, after != before)


def compared(findings: Sequence[Finding]) -> list[Finding]:
    """Returns the findings with their memory above that of the honest input of their kind."""
    honest = {f.given.kind: f.outcome.peak for f in findings if f.given.name == HONEST}
    return [
        Finding(f.given, f.outcome, f.ran, f.touched, f.outcome.peak - honest[f.given.kind])
        for f in findings
    ]


def row(kind: str, findings: Sequence[Finding]) -> str:
    """Returns the table's line of a kind."""
    outcomes = [f.outcome for f in findings]
    worst = next((s for s in (-9, -11, 1, 2, 0) if any(o.status == s for o in outcomes)), "?")
    cells = (
        *(kind, len(findings), sum(f.ran for f in findings), sum(f.touched for f in findings)),
        *(sum(o.hung for o in outcomes), sum(o.has_traceback for o in outcomes)),
        *(sum(o.has_escapes for o in outcomes), worst, max(o.lines for o in outcomes)),
        f"{max(max(f.more for f in findings), 0) / 1e6:,.0f} MB",
    )
    return " | ".join(map(str, cells))


def shown(finding: Finding) -> str:
    """Returns a line on one input, for the terminal."""
    outcome = finding.outcome
    marks = {
        "CODE RUN": finding.ran,
        "OUTSIDE": finding.touched,
        "HANGS": outcome.hung,
        "TRACEBACK": outcome.has_traceback,
        "ESCAPES": outcome.has_escapes,
        "MEMORY": finding.more > MOST_MORE,
        "LINES": outcome.lines > 3,
    }
    last = outcome.errors.splitlines()[-1] if outcome.errors else ""
    return (
        f"{finding.given.kind} / {finding.given.name}: status {outcome.status}, "
        f"{outcome.seconds:.1f} s, {finding.more / 1e6:.0f} MB, {outcome.lines} lines "
        f"{' '.join(name for name, is_so in marks.items() if is_so)} {last[:160]!r}"
    )


def page(findings: Sequence[Finding]) -> str:
    """Returns the page of results."""
    kinds = dict.fromkeys(f.given.kind for f in findings)
    hostile = [f for f in findings if f.given.name != HONEST]
    rows = [row(kind, [f for f in hostile if f.given.kind == kind]) for kind in kinds]
    rows.append(row("all", hostile))
    table = "\n".join(f"| {r} |" for r in (" | ".join(COLUMNS), " | ".join(["---"] * 10), *rows))
    return (
        f"# Files of strangers\n\n`python -m benchmarks.hostile_files`, torch {torch.__version__}."
        "\n\nEach input is a file or folder that claims much, holds other things than it should, "
        "or runs code, given to the command that reads it. Lines are those on stderr; a process "
        f"hangs if it takes {SECONDS:g} s. Bounds: no code run, no file outside touched, no hang, "
        f"at most {MOST_MORE / 1e6:g} MB above an honest input of the same kind.\n\n{table}\n"
    )


def main() -> int:
    """Prints a line for each input, writes the page; 1 if a bound is broken."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--kind", default="", help="only kinds with this text in their names")
    parser.add_argument("--name", default="", help="only inputs with this text in their names")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="after which one hangs")
    parser.add_argument("--table", type=Path, default=TABLE)
    options = parser.parse_args()
    torch.set_num_threads(1)
    chosen = [
        each
        for each in inputs()
        if options.kind in each.kind and (options.name in each.name or each.name == HONEST)
    ]
    findings = []
    with tempfile.TemporaryDirectory() as place:
        make_bases(Path(place) / "bases")
        gc.freeze()  # so that memory stays shared after a fork
        for given in chosen:
            try:
                findings += [tried(given, Path(place) / "bases", options.seconds)]
            except RuntimeError as error:
                print(error, flush=True)
                continue
            findings = compared(findings)
            print(shown(findings[-1]), flush=True)
    text = page(findings)
    print(text)
    options.table.write_text(text)
    return int(any(f.is_broken for f in findings if f.given.name != HONEST))


if __name__ == "__main__":
    sys.exit(main())
