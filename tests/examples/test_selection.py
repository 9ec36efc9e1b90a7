from pathlib import Path

import pytest
import torch
from torch import Tensor

from datamodules import MNIST, DataError, FashionMNIST
from examples import selection
from hawc.distances import squared_distance
from hawc.kernels import Energy


@pytest.fixture
def rows() -> Tensor:
    return torch.rand(300, 784, generator=torch.Generator().manual_seed(0)).square()


def test_distance_is_that_of_the_library(rows: Tensor) -> None:
    to_all = selection.mean_distances(rows, rows)
    distance = selection.squared_distance(rows[:25], to_all[:25], float(to_all.mean()))
    expected = squared_distance(Energy(), rows[:25].double(), rows.double())
    # distances near 8 in float32 with an error of some 1e-6 each
    assert distance == pytest.approx(float(expected), abs=1e-5)


def test_nearest_takes_each_image_once() -> None:
    rows = torch.tensor([[0.0], [1.0], [5.0]])
    assert selection.nearest(torch.tensor([[0.1], [0.2], [0.3]]), rows).tolist() == [0, 1, 2]


def test_choice_beats_nearest_and_random_ones(
    rows: Tensor, capsys: pytest.CaptureFixture[str]
) -> None:
    results = {name: distance for name, (_, distance) in selection.selections(rows, 10).items()}
    assert results["best points"] < results["chosen"] <= results["nearest"]
    assert results["chosen"] < results["at random"]
    assert "100 times at random: mean" in capsys.readouterr().out


def test_figure_of_both_data_sets(
    rows: Tensor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = (255 * rows).byte().reshape(-1, 1, 28, 28)
    for data in (MNIST, FashionMNIST):
        monkeypatch.setattr(data, "read", lambda self, train: (images, torch.zeros(300)))
    monkeypatch.setattr(selection, "IMAGE", tmp_path / "selection.png")
    selection.main()
    assert (tmp_path / "selection.png").stat().st_size > 10_000


def test_missing_data_are_named_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(self: MNIST, train: bool) -> None:
        raise DataError("no MNIST files in ['x']; call prepare_data() first.")

    monkeypatch.setattr(MNIST, "read", missing)
    with pytest.raises(SystemExit, match=r"no MNIST files in \['x'\]; let HAWC_DATA name"):
        selection.main()
