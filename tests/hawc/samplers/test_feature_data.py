"""The generator's own distribution, and the distance that images should keep."""

import pytest
import torch

from hawc.history import MemoryHistory
from hawc.kernels import Energy
from hawc.samplers.feature_data import MinDistance, own_distribution
from hawc.spacing import spacing
from hawc.targets import Empirical, StandardNormal


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_earlier_candidates_count_and_the_oldest_are_kept() -> None:
    history = MemoryHistory(3, num_features=3)
    seen = torch.randn(4000, 3, generator=seeded())
    history.add_candidates(seen)
    new = torch.randn(200, 3, generator=seeded(1))
    points = own_distribution(history, new).points
    assert torch.equal(points, torch.cat([seen, new[:96]]))


def test_its_error_falls_with_the_number_of_candidates() -> None:
    """E d^2 of N of them to the generator's distribution is its self-energy over N."""
    target, kernel = StandardNormal(3), Energy()
    for count in (20, 200):
        errors = []
        for seed in range(60):
            own = own_distribution(MemoryHistory(3), target.sample(count, generator=seeded(seed)))
            cross = target.potential(kernel)(own.points).mean()
            errors.append(float(cross) - own.self_energy(kernel) - target.self_energy(kernel))
        expected = target.self_energy(kernel) / count
        assert sum(errors) / 60 == pytest.approx(expected, rel=0.2)


def distance(given: float | str | None, data: Empirical, is_own: bool = False) -> float:
    candidates = torch.randn(400, data.dim, generator=seeded(5))
    past = candidates[:0]
    return MinDistance(given).for_batch(5, candidates, past, data, is_own=is_own)


def test_a_share_is_a_quantile_of_the_examples() -> None:
    points = torch.randn(300, 3, generator=seeded())
    to_nearest = torch.cdist(points, points).fill_diagonal_(torch.inf).amin(1)
    data = Empirical(points)
    assert distance("25%", data) == pytest.approx(float(to_nearest.quantile(0.25)), rel=0.01)
    assert distance("60%", data) > distance("25%", data) > distance("25% of 3000", data)
    assert distance("25%", data, is_own=True) == distance("25% of 200", data)
    assert distance(0.3, data) == 0.3
    assert distance(0.0, data) == 0.0


def test_sorted_examples_all_count() -> None:
    dense, sparse = torch.randn(4096, 2), 1000 + 50 * torch.randn(4096, 2)
    points = torch.cat([dense, sparse])
    assert distance("75%", Empirical(points)) == pytest.approx(spacing(points, 0.75))
    assert distance("75%", Empirical(points)) > 3 * spacing(dense, 0.75)


@pytest.mark.parametrize("given", [-1.0, float("nan"), float("inf")])
def test_rejects_other_numbers(given: float) -> None:
    with pytest.raises(ValueError, match="`min_distance` must be finite and at least 0"):
        MinDistance(given)
