"""Distances between nearest neighbours against quantiles and repeated sampling."""

import pytest
import torch
from torch import Tensor

from hawc.spacing import parse_spacing, spacing
from metrics import repeat_threshold


def test_equal_numbers_give_the_plain_quantile() -> None:
    points = torch.randn(300, 3, generator=torch.Generator().manual_seed(0))
    for n in (None, 300):
        assert spacing(points, 0.25, n) == pytest.approx(repeat_threshold(points, 25.0), rel=1e-6)


@pytest.mark.parametrize("size", [2, 30, 150, 300, 1500])
def test_a_share_of_independent_points_is_closer(size: int) -> None:
    generator = torch.Generator().manual_seed(1)
    closer = []
    for _ in range(10):
        radius = spacing(torch.randn(300, 3, generator=generator), 0.25, size)
        count = max(1, 1500 // size)
        sets = torch.randn(count, size, 3, generator=generator)
        distances = torch.cdist(sets, sets)
        distances.diagonal(dim1=1, dim2=2).fill_(torch.inf)
        closer.append(float((distances.amin(2) < radius).double().mean()))
    assert sum(closer) / len(closer) == pytest.approx(0.25, abs=0.04)


def test_small_clusters_do_not_spoil_the_extrapolation() -> None:
    generator = torch.Generator().manual_seed(0)
    centers = 3 * torch.randn(10, 8, generator=generator)

    def clustered(count: int) -> Tensor:
        group = torch.randint(10, (count,), generator=generator)
        return centers[group] + 0.3 * torch.randn(count, 8, generator=generator)

    radius = sum(spacing(clustered(200), 0.25, 800) for _ in range(5)) / 5
    many = clustered(800)
    distances = torch.cdist(many, many).fill_diagonal_(torch.inf)
    assert float((distances.amin(1) < radius).double().mean()) == pytest.approx(0.25, abs=0.08)


def test_copies_have_distance_zero_and_share_is_checked() -> None:
    assert spacing(torch.ones(20, 3), 0.25) == spacing(torch.ones(20, 3), 0.25, 100) == 0
    for share in (0.0, 1.0, torch.nan):
        with pytest.raises(ValueError, match="`share` must be between 0 and 1"):
            spacing(torch.randn(9, 2), share)


@pytest.mark.parametrize("text", ["", "25", "0%", "100%", "25% of", "25% of 1", "-5%", "a%"])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="`min_distance` must be a distance or a text such as"):
        parse_spacing(text)


def test_few_of_many_images_need_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    points = torch.rand(3000, 2, generator=torch.Generator().manual_seed(0))
    whole = spacing(points, 0.25, 10)
    monkeypatch.setattr("hawc.spacing._MOST_DISTANCES", 2**20)
    assert spacing(points, 0.25, 10) == pytest.approx(whole, rel=0.05)
