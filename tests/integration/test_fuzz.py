"""Mutated files of all kinds are read, or refused with a line; tests/fuzz makes them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.timeout(480)
def test_2000_mutated_files_are_read_or_refused() -> None:
    """A failure is repeated by `python -m tests.fuzz --only NUMBER`."""
    command = [sys.executable, "-m", "tests.fuzz", "--count", "2000"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    *times, failures = done.stdout.splitlines()
    assert len(times) == 6
    assert sum(int(line.split()[1]) for line in times) == 2000
    assert json.loads(failures) == []
