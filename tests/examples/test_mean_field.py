from pathlib import Path

import pytest
import torch

from examples import mean_field
from examples.mean_field import DIRECTIONS, DISTRIBUTIONS, exact_variances, fitted

ELLIPSE, MODES = DISTRIBUTIONS.values()


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_variances_of_a_correlated_distribution(direction: str) -> None:
    model = fitted(ELLIPSE, direction)
    exact = {"reverse": 0.19, "forward": 1.0}[direction]
    assert exact_variances(ELLIPSE, direction).tolist() == pytest.approx([exact] * 2)
    # the last hundreds of steps average samples of 500: the standard error of a variance of some
    # 10,000 samples is sqrt(2 / 10,000) = 1.4 %
    assert (2 * model.log_std).exp().tolist() == pytest.approx([exact] * 2, rel=0.05)
    assert model.mean.tolist() == pytest.approx([1, 1], abs=0.05)


@pytest.mark.parametrize("start", [(0.3, 0.3), (-0.3, -0.3)])
def test_reverse_covers_the_mode_nearer_to_the_start(start: tuple[float, float]) -> None:
    model = fitted(MODES, "reverse", start)
    mode = 1.5 if start[0] > 0 else -1.5
    assert model.mean.tolist() == pytest.approx([mode] * 2, abs=0.05)
    assert (2 * model.log_std).exp().tolist() == pytest.approx([0.25] * 2, rel=0.05)


def test_forward_covers_both() -> None:
    model = fitted(MODES, "forward")
    # as above; the standard error of the mean is sqrt(2.5 / 10,000)
    assert model.mean.tolist() == pytest.approx([0, 0], abs=0.08)
    assert exact_variances(MODES, "forward").tolist() == pytest.approx([2.5] * 2)
    assert (2 * model.log_std).exp().tolist() == pytest.approx([2.5] * 2, rel=0.05)


def test_table_and_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(mean_field, "IMAGE", tmp_path / "products.png")
    monkeypatch.setattr(mean_field, "STEPS", 3)
    mean_field.main()
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].startswith("| correlated | reverse | ")
    assert lines[2].endswith(" | 0.190, 0.190 |")
    assert lines[-1].endswith(" | 2.500, 2.500 |")
    assert (tmp_path / "products.png").stat().st_size > 10_000
    torch.testing.assert_close(exact_variances(MODES, "reverse").float(), torch.full((2,), 0.25))
