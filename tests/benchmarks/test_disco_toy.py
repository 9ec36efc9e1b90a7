"""The benchmark of DiscoGAN's toy: covered modes of the data and lines of the table."""

import pytest

from benchmarks import disco_toy
from datamodules import ToyDomains


def test_data_cover_their_own_modes() -> None:
    data = ToyDomains(num_points=20_000)
    a, b = data.read(train=True)
    covered, near = disco_toy.coverage(b, data.modes_b, data.mode_std)
    assert covered == 10
    assert near == pytest.approx(1, abs=2e-3)  # 3e-4 of a Gaussian in the plane is farther away
    assert disco_toy.coverage(a, data.modes_a, data.mode_std)[0] == 5


@pytest.mark.parametrize("name", disco_toy.SYSTEMS)
def test_a_line_of_the_table(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disco_toy, "EACH", 3)
    cells = disco_toy.row(name, seed=0, num_batches=6).strip("| ").split(" | ")
    assert cells[:2] == [name, "0"]
    assert len(cells[2].split()) == 2
    assert cells[3].endswith(" %")
