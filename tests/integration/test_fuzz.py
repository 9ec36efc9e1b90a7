"""Mutated files of all kinds are read, or refused with a line; tests/fuzz makes them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
# of two processes: a file of few tests comes last, when a second core waits
SHARES = (["checkpoint"], ["gallery", "archive", "manifest", "configuration", "table"])


@pytest.mark.timeout(480)
def test_2000_mutated_files_are_read_or_refused() -> None:
    """A failure is repeated by `python -m tests.fuzz --only NUMBER`."""
    command = [sys.executable, "-m", "tests.fuzz", "--count", "2000", "--kind"]
    readers = [
        subprocess.Popen([*command, *kinds], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for kinds in SHARES
    ]
    count = 0
    for reader, kinds in zip(readers, SHARES, strict=True):
        output, _ = reader.communicate()
        assert reader.returncode == 0
        *times, failures = output.splitlines()
        assert len(times) == len(kinds)
        count += sum(int(line.split()[1]) for line in times)
        assert json.loads(failures) == []
    assert count == 2000
