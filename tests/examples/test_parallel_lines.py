import math
from pathlib import Path

import pytest

from examples import parallel_lines
from examples.parallel_lines import distances


@pytest.mark.parametrize("theta", [-0.5, 0.1, 1.0])
def test_different_lines_share_no_point(theta: float) -> None:
    result = distances(theta)
    assert result.total_variation == pytest.approx(1, abs=1e-12)
    assert result.kl == result.reverse_kl == math.inf
    assert result.jensen_shannon == pytest.approx(math.log(2), abs=1e-12)
    assert result.wasserstein_1 == pytest.approx(abs(theta), abs=1e-8)  # the solver's tolerance


def test_at_zero_they_are_one_distribution() -> None:
    assert set(vars(distances(0.0)).values()) == {0.0}


def test_energy_distance_is_that_of_the_lines() -> None:
    # E sqrt(t^2 + (U - V)^2) - E |U - V| for uniform U, V: int_0^1 2 (1 - w) (...) dw
    t = 1.0
    root = math.hypot(t, 1)
    with_root = root + t**2 * math.asinh(1 / t) - 2 / 3 * (root**3 - t**3)
    # for points at (i + 1/2) / n each mean of |U - V| errs by 1 / (6 n^2) at most
    assert distances(t).squared_energy_distance == pytest.approx(with_root - 1 / 3, abs=1e-4)


def test_table_and_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    image = tmp_path / "lines.png"
    monkeypatch.setattr(parallel_lines, "IMAGE", image)
    monkeypatch.setattr(parallel_lines, "THETAS", (-0.5, 0.0, 0.5))
    parallel_lines.main()
    lines = capsys.readouterr().out.splitlines()
    assert lines[2] == "| 0.0 | 0 | 0 | 0 | 0 | 0 | 0 |"
    assert lines[3].startswith("| 0.5 | 1 | inf | inf | 0.6931 | 0.5 | ")
    assert image.stat().st_size > 10_000
