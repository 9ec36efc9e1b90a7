"""Killed trainings end like others; for thirty kills see benchmarks/results/kills.md."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from benchmarks.kills import differing

ROOT = Path(__file__).parent.parent.parent


def test_differences_are_found_and_named() -> None:
    zeros, halves = torch.zeros(3), torch.full((3,), 0.5)
    content = {"weights": {"a": zeros, "b": [halves, 1]}, "step": 3}
    assert list(differing(content, content)) == []
    assert list(differing(content, {**content, "step": 4})) == ["/step"]
    assert list(differing(content, {"step": 3})) == ["/weights"]
    assert list(differing({"rate": None}, {})) == ["/rate"]
    other = {"weights": {"a": zeros.double(), "b": [halves.nextafter(zeros), 1]}, "step": 3}
    assert set(differing(content, other)) == {"/weights/a", "/weights/b/0"}
    assert list(differing([1], [1, 2])) == [""]


@pytest.mark.timeout(600)  # a dozen short trainings on two cores, which may be busy
def test_three_kills(tmp_path: Path) -> None:
    table = tmp_path / "kills.md"
    subprocess.run(  # forks need a process without threads
        [sys.executable, "-m", "benchmarks.kills", "--kills", "3", "--table", str(table)],
        cwd=ROOT,
        check=True,
    )
    lines = [line for line in table.read_text().splitlines() if line.startswith(("| E", "| W"))]
    rows = [line.strip("| ").split(" | ") for line in lines]
    counts = [(name, int(kills), int(lost)) for name, kills, _, _, _, lost in rows]
    assert counts == [("EnergyVAE", 2, 0), ("WGAN", 1, 0)]
    assert all(int(saving) >= 1 for *_, saving, _ in rows)  # the first kill of each is aimed
