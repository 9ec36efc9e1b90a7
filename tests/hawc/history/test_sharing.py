"""Processes that share a gallery, some of them killed; see tests/gallery_writers.py."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.gallery_writers import AIMED, hold_within_an_append

ROOT = Path(__file__).parent.parent.parent.parent
pytestmark = pytest.mark.integration


def output_of(program: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", program, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def gallery_writers(*arguments: str) -> dict[str, int]:
    counts: dict[str, int] = json.loads(output_of("tests.gallery_writers", *arguments))
    return counts


ENCODINGS = ("UTF8", "LATIN1", "SQL_ASCII")


@pytest.fixture
def stores(request: pytest.FixtureRequest, sqlite_url: str) -> list[str]:
    """Returns the URL of an empty store of each kind, on a server only if PostgreSQL is there."""
    try:
        on_server = [*map(request.getfixturevalue("postgresql"), ENCODINGS)]
    except pytest.skip.Exception:
        on_server = []
    return ["memory", sqlite_url, *on_server]


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_histories_work_in_processes_of_every_start_method(method: str, stores: list[str]) -> None:
    output_of("tests.gallery_starts", method, *stores)


def test_writers_neither_lose_nor_repeat_batches(url: str) -> None:
    counts = gallery_writers("share", url, "4", "8", "1")
    assert counts["batches"] == 32
    assert counts["changes_of_writer"] >= 6  # they wrote at the same time


def test_writers_on_two_conditions_neither_lose_nor_repeat_batches(url: str) -> None:
    counts = gallery_writers("share", url, "8", "6", "2")
    assert counts["batches"] == 48
    assert counts["changes_of_writer"] >= 12


def test_a_killed_writer_leaves_whole_batches(url: str) -> None:
    counts = gallery_writers("kill", url, "10", "0")
    assert counts["batches"] >= 10 // AIMED
    assert counts["journals"] >= 10 // AIMED or not url.startswith("sqlite")


def test_gives_up_on_a_writer_that_does_not_append(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        try:
            with pytest.raises(TimeoutError, match=r"never stopped while '.*none-journal' existed"):
                hold_within_an_append(process.pid, tmp_path / "none-journal", seconds=0.1)
        finally:
            process.kill()
