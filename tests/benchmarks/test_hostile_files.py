"""What the benchmark sees of a process; its inputs are tried by benchmarks/hostile_files.py."""

import os
import sys
import time
from pathlib import Path

from benchmarks.hostile.attempts import Outcome, attempt
from benchmarks.hostile.inputs import Input
from benchmarks.hostile_files import MOST_MORE, Finding, make_outside, row, state_of


def test_an_end_is_seen(tmp_path: Path) -> None:
    def fails() -> None:
        print("\x1b[31mred")
        print("why", file=sys.stderr)
        sys.exit(2)

    outcome = attempt(fails, tmp_path)
    assert (outcome.status, outcome.errors, outcome.lines) == (2, "why\n", 1)
    assert outcome.has_escapes
    assert not outcome.has_traceback
    assert not outcome.hung


def test_an_unexplained_error_is_seen(tmp_path: Path) -> None:
    outcome = attempt(lambda: [][0], tmp_path)
    assert outcome.status == 1
    assert outcome.has_traceback
    assert outcome.lines > 3


def test_a_hanging_process_is_ended(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    begin = time.monotonic()
    outcome = attempt(lambda: (tmp_path / "pipe").read_bytes(), tmp_path, seconds=0.2)
    assert outcome.hung
    assert time.monotonic() - begin < 60


def test_memory_is_seen_and_bounded(tmp_path: Path) -> None:
    calm, greedy = (attempt(lambda n=n: len(b"x" * n), tmp_path) for n in (1, 300_000_000))
    assert greedy.peak - calm.peak > 200_000_000


def test_touched_files_are_seen(tmp_path: Path) -> None:
    make_outside(tmp_path / "outside")
    before = state_of(tmp_path / "outside")
    assert state_of(tmp_path / "outside") == before
    (tmp_path / "outside" / "kept" / "thesis.tex").write_text("")
    assert state_of(tmp_path / "outside") != before


def test_a_row_counts_what_inputs_did() -> None:
    given = Input("kind", "name", lambda: None, lambda: None)
    calm = Finding(given, Outcome(2, 0.1, "", "why\n", 0, False), False, False)
    wild = Finding(given, Outcome(-9, 60.0, "", "", 0, True), True, True, 7 * 10**8)
    large = Finding(given, Outcome(0, 0.1, "", "", 0, False), False, False, MOST_MORE + 1)
    assert [f.is_broken for f in (calm, wild, large)] == [False, True, True]
    expected = ("kind", "3", "1", "1", "1", "1", "0", "-9", "1", "700 MB")
    assert tuple(row("kind", [calm, wild, large]).split(" | ")) == expected
