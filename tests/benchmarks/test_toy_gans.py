"""Snapshots of a run, and tables of toy distributions."""

from pathlib import Path

import pytest
import torch

from benchmarks import toy_gans
from benchmarks.toy_gans import CIRCLE, Snapshot, curve_lines, loss_lines, plot, trained


def test_snapshots_of_a_run_of_train_py(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    options = ("--trainer.max_epochs", "1", "--trainer.limit_train_batches", "3")
    few = (*options, "--trainer.enable_progress_bar", "false")
    curve = trained(CIRCLE, "--model.generator_loss", "minimax", *few, every_seconds=0.0)
    assert [at.step for at in curve] == [1, 2, 3, 3]
    assert [at.seconds for at in curve] == sorted(at.seconds for at in curve)
    assert curve[-1].points.shape == (toy_gans.NUM_POINTS, 2)
    assert len(trained(CIRCLE, *few)) == 1


def snapshot(seconds: float, step: int, modes: int, share: float) -> Snapshot:
    return Snapshot(2 * seconds, seconds, step, modes, share, torch.zeros(10, 2))


@pytest.mark.parametrize(
    ("last", "verdict"),
    [
        (snapshot(250.4, 900, 25, 0.81), "after 250 s, 501 s by the clock"),
        (snapshot(301.0, 900, 25, 0.81), "**not reached**"),
        (snapshot(250.0, 900, 24, 0.81), "**not reached**"),
        (snapshot(250.0, 900, 25, 0.79), "**not reached**"),
    ],
)
def test_curve(last: Snapshot, verdict: str) -> None:
    transient = snapshot(9.0, 30, 25, 0.9)
    lines = list(curve_lines([transient, snapshot(10.2, 40, 3, 0.105), last, last]))
    assert lines[3] == "| 20 | 10 | 40 | 3 | 10.5 % |"
    requirement = "All 25 modes and 80 % of the points from then on, within 300 s of processor time"
    assert lines[-1] == f"{requirement}: {verdict}."


def test_table_of_losses_and_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ends = {
        "minimax": [snapshot(9, 5, 2, 0.5), snapshot(11, 5, 8, 0.97)],
        "non_saturating": [snapshot(7, 5, 8, 1)],
    }
    assert list(loss_lines(ends))[2] == "| minimax | 2, 8 | 50 %, 97 % | 10 |"
    monkeypatch.setattr(toy_gans, "IMAGE", tmp_path / "image.png")
    plot([snapshot(1, 2, 3, 0.4), snapshot(2, 4, 25, 0.9)], ends)
    assert (tmp_path / "image.png").stat().st_size > 0
