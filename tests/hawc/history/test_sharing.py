"""Processes that share a gallery, and some that are killed; see tests/gallery_writers.py."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.gallery_writers import AIMED, hold_within_an_append

ROOT = Path(__file__).parent.parent.parent.parent


def gallery_writers(*arguments: str) -> dict[str, int]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.gallery_writers", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    counts: dict[str, int] = json.loads(done.stdout)
    return counts


def test_writers_lose_nothing_and_double_nothing(url: str) -> None:
    counts = gallery_writers("share", url, "4", "8")
    assert counts["batches"] == 32
    assert counts["turns"] >= 6  # they did write at once, not one after the other


def test_a_killed_writer_leaves_whole_batches(url: str) -> None:
    counts = gallery_writers("kill", url, "10", "0")
    assert counts["batches"] >= 10 // AIMED
    assert counts["journals"] >= 10 // AIMED or not url.startswith("sqlite")


def test_a_writer_that_changes_nothing_is_not_waited_for(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        try:
            with pytest.raises(TimeoutError, match=r"never met while '.*none-journal' was there"):
                hold_within_an_append(process.pid, tmp_path / "none-journal", seconds=0.1)
        finally:
            process.kill()
