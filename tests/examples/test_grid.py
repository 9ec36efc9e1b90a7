from pathlib import Path

import pytest

from examples import grid
from hawc.compression import Deterministic


def test_each_component_gets_three_of_forty_eight_points(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    image = tmp_path / "grid.png"
    monkeypatch.setattr(grid, "IMAGE", image)
    grid.main(solver=Deterministic(restarts=1))
    printed = capsys.readouterr().out
    assert f"48 points, by component: {[3] * 16}" in printed
    assert "squared distance 0.0051" in printed  # all starts end in 0.00514
    assert "3 points, by component" in printed
    assert image.stat().st_size > 10_000


def test_a_point_counts_for_its_nearest_center() -> None:
    numbers = grid.numbers_by_component(grid.CENTERS[[0, 0, 5]] + 0.4)
    assert numbers == [2, 0, 0, 0, 0, 1, *[0] * 10]
