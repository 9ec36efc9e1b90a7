import re
from pathlib import Path

import pytest

from examples import recursive


def test_ten_points_end_where_the_published_figure_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    image = tmp_path / "recursive.png"
    monkeypatch.setattr(recursive, "IMAGE", image)
    recursive.main(number=10)
    lines = capsys.readouterr().out.splitlines()
    rows = [[float(number) for number in re.findall(r"\d\.\d{4}", line)] for line in lines]
    assert len(rows) == 10
    for independent, one_by_one, together in rows:
        assert together <= one_by_one + 1e-4 < independent  # 1e-4: printed numbers are rounded
    # known values; those of points chosen one by one vary by a few per cent with the first ones
    assert rows[0][1] == pytest.approx(0.3671, abs=1e-4)
    assert rows[9][1] == pytest.approx(0.0220, rel=0.05)
    assert rows[9][2] == pytest.approx(0.01526, rel=0.01)
    assert image.stat().st_size > 10_000
