"""Latents move on their spheres, or not at all."""

import pytest
import torch

from hawc.history import MemoryHistory
from hawc.samplers.candidates import Candidates
from hawc.samplers.decoded_features import DecodedFeatures, MissingGradientError
from hawc.samplers.feature_objective import FeatureObjective
from hawc.samplers.latent_descent import LatentDescent
from hawc.targets import Empirical, GaussianMixture, StandardNormal

PRIOR = StandardNormal(4)


def moved(
    num_steps: int | None, prior: object = PRIOR, gradient: bool = True
) -> torch.Tensor | None:
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(30, 4, generator=generator)
    data = Empirical(z + 1)
    phi = DecodedFeatures(torch.clone if gradient else torch.round, torch.clone, 4, 0)
    objective = FeatureObjective(prior, data, 1.0, None, 0.1, 0.1, 0.0, "condition")
    candidates = Candidates(z, z, None, [])
    problem = objective.problem(3, torch.empty(0, 8), MemoryHistory(8), candidates, data)
    with torch.enable_grad():
        return LatentDescent(prior, None, num_steps)(z[:3], z, problem, phi, 1)


def test_keeps_lengths_and_improves() -> None:
    z = torch.randn(30, 4, generator=torch.Generator().manual_seed(0))[:3]
    result = moved(None)
    assert result is not None
    torch.testing.assert_close(result.norm(dim=1), z.norm(dim=1))
    assert result.mean() > z.mean()  # towards the data


def test_does_not_move_where_it_should_not() -> None:
    assert moved(0) is None
    mixture = GaussianMixture(None, torch.zeros(1, 4), 1.0)
    assert moved(None, mixture) is None
    assert moved(2, mixture) is not None


def test_a_missing_gradient_is_an_error_or_a_warning() -> None:
    with pytest.warns(UserWarning, match="continues with num_steps=0"):
        assert moved(None, gradient=False) is None
    with pytest.raises(MissingGradientError, match="zero everywhere"):
        moved(5, gradient=False)
