from itertools import pairwise
from pathlib import Path

import pytest

from examples import variational_regression
from examples.variational_regression import difference_to_exact, fitted


def test_the_bound_rises_and_weights_are_exact() -> None:
    result = fitted()
    # rounding of bounds near -30
    assert all(after > before - 1e-11 for before, after in pairwise(result.bounds))
    assert result.bounds[-1] > result.bounds[0] + 1e-3
    # the last sweep changes the bound, flat at its maximum, by less than 1e-10: weights by 1e-5
    assert difference_to_exact(result) < 1e-4


def test_text_and_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(variational_regression, "IMAGE", tmp_path / "regression.png")
    variational_regression.main()
    assert capsys.readouterr().out.startswith("bound -")
    assert (tmp_path / "regression.png").stat().st_size > 10_000
