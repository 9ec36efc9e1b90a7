"""Reads mutated files and prints which numbers were not refused as they should be.

    python -m tests.fuzz [--count 2000] [--only 17] [--kind gallery ...]

Number i is a mutation with seed i, of the kind that `KINDS` gives it. A process is forked for every
few numbers, and for each checkpoint, since a restored trainer differs from a new one. The last line
is JSON: the failures, each with number, kind and what was seen.
"""

import argparse
import email
import functools
import gc
import json
import os
import random
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # processes are forked

import torch

from benchmarks.hostile.attempts import Outcome, attempt
from benchmarks.hostile.bases import make_bases
from tests.fuzz.readers import Readers

# of a hundred numbers; those of commands that cost most are fewer
KINDS = {"checkpoint": 9, "gallery": 25, "archive": 30, "manifest": 12}
KINDS |= {"configuration": 6, "table": 18}
_ORDER = [kind for kind, share in KINDS.items() for _ in range(share)]
random.Random(0).shuffle(_ORDER)
TOGETHER = 25  # numbers of one process
SECONDS = 60.0  # for one process
_MOST_LINES = 3


def kind_of(number: int) -> str:
    """Returns the kind of a number; kinds alternate."""
    return _ORDER[number % len(_ORDER)]


def groups_of(numbers: Sequence[int], kind: str) -> list[list[int]]:
    """Returns the numbers of a kind, in lists for one process each."""
    mine = [number for number in numbers if kind_of(number) == kind]
    size = 1 if kind == "checkpoint" else TOGETHER
    return [mine[i : i + size] for i in range(0, len(mine), size)]


def read_one(readers: Readers, number: int, folder: Path) -> None:
    """Runs the reader of a number in a new folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    os.chdir(folder)
    for name in ("run", "table.csv", "config.yaml"):
        (folder / name).symlink_to(folder.parent / "bases" / name)
    kind = kind_of(number)
    getattr(readers, kind)(random.Random(f"{kind} {number}"))


def read_group(readers: Readers, numbers: Sequence[int], folder: Path) -> None:
    """Prints a line of JSON for each number: status, seconds and text on stderr."""
    shown = os.dup(1)
    for number in numbers:
        errors = os.memfd_create("stderr")
        os.dup2(errors, 2)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        status, begin = 1, time.monotonic()
        os.write(shown, f"{json.dumps([number])}\n".encode())
        try:
            read_one(readers, number, folder)
            status = 0
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
        except Exception:
            traceback.print_exc()
        sys.stderr.flush()
        text = os.pread(errors, 100_000, 0).decode(errors="replace")
        line = json.dumps([number, status, time.monotonic() - begin, text])
        os.write(shown, f"{line}\n".encode())


def problem(kind: str, status: int, text: str) -> str:
    """Returns what is wrong with an end, or an empty text."""
    lines = text.splitlines()
    if "Traceback" in text:
        return f"traceback: {lines[-1][:200]}"
    if len(lines) > _MOST_LINES:
        return f"{len(lines)} lines: {lines[0][:100]}"
    # status 1: a store that cannot be read, or a loss that is not finite
    is_explained = kind in ("gallery", "archive", "manifest") or "finite" in text
    if status not in ((0, 1, 2) if is_explained else (0, 2)):
        return f"status {status}: {' '.join(lines)[:200]}"
    if status == 2 and len(lines) != 1:  # with 1 a run had begun, and Lightning had said so
        return f"status {status} with {len(lines)} lines"
    if any(not c.isprintable() and c != "\n" for c in text):
        return f"escape sequences: {text[:200]!r}"
    return ""


def results_of(outcome: Outcome, numbers: Sequence[int]) -> tuple[dict[int, str], Counter[int]]:
    """Returns problems and statuses of a process's numbers."""
    entries = [json.loads(line) for line in outcome.output.splitlines()]
    ends = {entry[0]: entry[1:] for entry in entries if len(entry) > 1}
    problems = {n: problem(kind_of(n), end[0], end[2]) for n, end in ends.items()}
    if lost := [n for n in numbers if n not in ends]:
        how = "hangs" if outcome.hung else f"ended its process: {outcome.status}"
        problems[lost[0]] = how
    statuses = Counter(end[0] for end in ends.values())
    return {n: text for n, text in problems.items() if text}, statuses


def read_all(
    readers: Readers, groups: Sequence[Sequence[int]], folder: Path
) -> tuple[dict[int, str], Counter[int]]:
    """Returns problems and statuses of all groups; a group goes on after a lost number."""
    problems: dict[int, str] = {}
    statuses: Counter[int] = Counter()
    waiting = [list(group) for group in groups]
    while waiting:
        group = waiting.pop()
        act: Callable[[], None] = lambda: read_group(readers, group, folder)  # noqa: B023, E731
        outcome = attempt(act, folder.parent, seconds=SECONDS)
        new, ends = results_of(outcome, group)
        problems |= new
        statuses += ends
        done = ends.total()
        if done < len(group):
            waiting.append(group[done + 1 :])
            waiting = [group for group in waiting if group]
    return problems, statuses


def main() -> None:
    """Prints the time of each kind, and at last the failures."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--only", type=int, help="read this number alone, and show its line")
    parser.add_argument("--kind", choices=KINDS, nargs="+", help="of the numbers to read")
    options = parser.parse_args()
    numbers = range(options.count) if options.only is None else [options.only]
    torch.set_num_threads(1)
    # versions of packages are looked up by some commands; reading them costs more than all else
    email.message_from_string = functools.cache(email.message_from_string)
    failures = []
    with tempfile.TemporaryDirectory() as place:
        bases = Path(place) / "bases"
        make_bases(bases)
        os.chdir(bases)
        readers = Readers(bases)
        gc.freeze()  # so that memory stays shared after a fork
        if options.only is not None:
            read_one(readers, options.only, Path(place) / "work")
            return
        for kind in options.kind or KINDS:
            begin = time.process_time() + sum(os.times()[2:4])
            found, ends = read_all(readers, groups_of(numbers, kind), Path(place) / "work")
            failures += [[number, kind, text] for number, text in sorted(found.items())]
            seconds = time.process_time() + sum(os.times()[2:4]) - begin
            print(f"{kind}: {ends.total()} in {seconds:.1f} s, by status {dict(ends)}", flush=True)
    print(json.dumps(failures))


if __name__ == "__main__":
    main()
