"""Orthogonal normal samples: each normal, at right angles, of different lengths."""

import pytest
import torch
from scipy import stats

from hawc.targets.orthogonal import orthogonal_normal
from tests.hawc.targets.samples import seeded


@pytest.mark.parametrize(("n", "dim"), [(1, 1), (5, 1), (3, 8), (8, 8), (11, 8), (40, 8)])
def test_runs_are_a_frame_and_its_opposite(n: int, dim: int) -> None:
    points = orthogonal_normal(n, dim, generator=seeded())
    directions = points / points.norm(dim=1, keepdim=True)
    assert points.shape == (n, dim)
    for run in directions.split(2 * dim):
        frame, opposite = run[:dim], run[dim:]
        torch.testing.assert_close(frame @ frame.T, torch.eye(len(frame)), rtol=0, atol=1e-12)
        torch.testing.assert_close(opposite, -frame[: len(opposite)], rtol=0, atol=1e-12)


def test_lengths_are_independent_of_the_opposite_point() -> None:
    points = orthogonal_normal(8, 4, generator=seeded())
    lengths = points.norm(dim=1)
    assert ((lengths[:4] - lengths[4:]).abs() > 1e-3).all()


@pytest.mark.parametrize("row", [0, 3, 4, 7])
def test_each_point_is_a_normal_draw(row: int) -> None:
    generator = seeded(5)
    rows = torch.stack([orthogonal_normal(8, 4, generator=generator)[row] for _ in range(4000)])
    for column in (0, 3):  # 5 standard deviations of the statistic: fails for 1 seed in 10^6
        assert stats.kstest(rows[:, column].numpy(), "norm").pvalue > 1e-6
    covariance = torch.cov(rows.T)
    torch.testing.assert_close(covariance, torch.eye(4), rtol=0, atol=0.12)  # 5 of its own
