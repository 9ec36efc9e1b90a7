"""Covered modes by hand, what is seen of a run, and what the tables say."""

from pathlib import Path

import pytest
import torch

from benchmarks import toy_gans
from benchmarks.toy_gans import CIRCLE, Seen, curve_lines, draw, loss_lines, trained


def test_a_run_is_watched_as_train_py_makes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    options = ("--trainer.max_epochs", "1", "--trainer.limit_train_batches", "3")
    few = (*options, "--trainer.enable_progress_bar", "false")
    seen = trained(CIRCLE, "--model.generator_loss", "minimax", *few, every_seconds=0.0)
    assert [look.step for look in seen] == [1, 2, 3, 3]
    assert [look.seconds for look in seen] == sorted(look.seconds for look in seen)
    assert seen[-1].points.shape == (toy_gans.NUM_POINTS, 2)
    assert len(trained(CIRCLE, *few)) == 1


def look(seconds: float, step: int, modes: int, share: float) -> Seen:
    return Seen(2 * seconds, seconds, step, modes, share, torch.zeros(10, 2))


@pytest.mark.parametrize(
    ("last", "verdict"),
    [
        (look(250.4, 900, 25, 0.81), "after 250 s, 501 s by the clock"),
        (look(301.0, 900, 25, 0.81), "**not reached**"),
        (look(250.0, 900, 24, 0.81), "**not reached**"),
        (look(250.0, 900, 25, 0.79), "**not reached**"),
    ],
)
def test_curve(last: Seen, verdict: str) -> None:
    lucky = look(9.0, 30, 25, 0.9)  # and lost again
    lines = list(curve_lines([lucky, look(10.2, 40, 3, 0.105), last, last]))
    assert lines[3] == "| 20 | 10 | 40 | 3 | 10.5 % |"
    wanted = "All 25 modes and 80 % of the points from then on, within 300 s of processor time"
    assert lines[-1] == f"{wanted}: {verdict}."


def test_table_of_losses_and_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ends = {
        "minimax": [look(9, 5, 2, 0.5), look(11, 5, 8, 0.97)],
        "non_saturating": [look(7, 5, 8, 1)],
    }
    assert list(loss_lines(ends))[2] == "| minimax | 2, 8 | 50 %, 97 % | 10 |"
    monkeypatch.setattr(toy_gans, "IMAGE", tmp_path / "image.png")
    draw([look(1, 2, 3, 0.4), look(2, 4, 25, 0.9)], ends)
    assert (tmp_path / "image.png").stat().st_size > 0
