from pathlib import Path

import pytest

from examples import rings


def test_both_optima_have_their_distances(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    image = tmp_path / "rings.png"
    monkeypatch.setattr(rings, "IMAGE", image)
    rings.main(num_starts=12)
    printed = capsys.readouterr().out
    # known values for |x - y|; smoothing and printing change them by 2e-6
    lines = dict(line.split(": squared distance ") for line in printed.splitlines())
    distances = {name: float(text.split(",")[0]) for name, text in lines.items()}
    assert distances["2 / 7 / 8"] == pytest.approx(0.007095, rel=5e-4)
    assert distances["3 / 7 / 7"] == pytest.approx(0.007092, rel=5e-4)
    assert distances["3 / 7 / 7"] < distances["2 / 7 / 8"]
    assert image.stat().st_size > 10_000


def test_rings_have_separate_radii() -> None:
    optimum = rings.optimum_from(0)
    assert [len(ring) for ring in optimum.rings] in ([2, 7, 8], [3, 7, 7])
    radii = [ring.norm(dim=1) for ring in optimum.rings]
    assert radii[0].max() < radii[1].min()
    assert radii[1].max() < radii[2].min()
