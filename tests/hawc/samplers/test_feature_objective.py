"""The objective of a batch: what is matched, and what is avoided."""

import pytest
import torch

from hawc.history import MemoryHistory
from hawc.samplers.candidates import Candidates
from hawc.samplers.feature_objective import FeatureObjective
from hawc.targets import Empirical, StandardNormal

PRIOR = StandardNormal(2)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_added_images_are_avoided_and_not_balanced() -> None:
    data = Empirical(torch.randn(50, 3, generator=seeded()))
    objective = FeatureObjective(PRIOR, data, 1.0, None, 0.1, 0.1, 0.5, "condition")
    z = torch.randn(30, 2, generator=seeded(1))
    candidates = Candidates(z, torch.randn(30, 3, generator=seeded(2)), None, [])
    rows = torch.randn(6, 5, generator=seeded(3))
    with_added = torch.cat([rows, torch.randn(9, 5, generator=seeded(4))])
    with_added[6:, :2] = torch.nan
    for past, own, avoided in (
        (rows, 6, 6),
        (with_added, 6, 15),
        (with_added[6:], 0, 9),
        (rows[:0], 0, 0),
        (torch.empty(0, 0), 0, 0),
    ):
        problem = objective.problem(4, past, MemoryHistory(5), candidates, data)
        assert [len(term.problem.history) for term, _ in problem._terms] == [own, own]
        assert len(problem.penalty.past) == avoided
        assert len(problem.best_candidates()) == 4


def test_rejects_settings_out_of_range() -> None:
    with pytest.raises(ValueError, match="`avoid` must be 'condition' or 'gallery', got 'all'"):
        FeatureObjective(PRIOR, None, 1.0, None, 0.1, 0.1, None, "all")
    for weights in ((-0.1, 0.1), (0.1, float("inf"))):
        with pytest.raises(ValueError, match="must be finite and at least 0"):
            FeatureObjective(PRIOR, None, 1.0, None, *weights, None, "gallery")
