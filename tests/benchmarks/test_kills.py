"""Trainings that are killed end like others; thirty kills: benchmarks/results/kills.md."""

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
    other = {"weights": {"a": zeros.double(), "b": [halves.nextafter(zeros), 1]}, "step": 3}
    assert set(differing(content, other)) == {"/weights/a", "/weights/b/0"}
    assert list(differing([1], [1, 2])) == [""]


@pytest.mark.timeout(600)  # a dozen short trainings, on two cores that may be busy
def test_three_kills(tmp_path: Path) -> None:
    table = tmp_path / "kills.md"
    subprocess.run(  # a process without threads, which can be forked
        [sys.executable, "-m", "benchmarks.kills", "--kills", "3", "--table", str(table)],
        cwd=ROOT,
        check=True,
    )
    lines = [line for line in table.read_text().splitlines() if line.startswith(("| E", "| W"))]
    rows = [line.strip("| ").split(" | ") for line in lines]
    found = [(name, int(kills), int(rest[-1])) for name, kills, *rest in rows]
    assert found == [("EnergyVAE", 2, 0), ("WGAN", 1, 0)]
