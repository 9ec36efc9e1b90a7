"""Distances by matrix products against differences of coordinates."""

import pytest
import torch

from hawc.candidate_distances import CandidateDistances
from hawc.precision import exact_distances


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("spread", [1.0, 1e-6])
def test_close_pairs_keep_their_digits(dtype: torch.dtype, spread: float) -> None:
    generator = torch.Generator().manual_seed(0)
    groups = torch.randn(30, 1, 20, generator=generator, dtype=torch.float64)
    near = spread * torch.randn(30, 3, 20, generator=generator, dtype=torch.float64)
    points = (groups + near).flatten(0, 1).to(dtype)
    expected = exact_distances(points, points).square()
    distances = CandidateDistances(points)
    tolerance = 4 * torch.finfo(dtype).eps ** 0.5
    torch.testing.assert_close(distances.matrix(), expected, rtol=tolerance, atol=0)
    rows = torch.stack([distances.row(index) for index in range(len(points))])
    torch.testing.assert_close(rows, expected, rtol=tolerance, atol=0)


def test_copies_have_distance_zero() -> None:
    assert not CandidateDistances(torch.full((40, 3), 0.1)).matrix().any()
