"""The report compares remembered images with independent ones."""

import math

import pytest
import torch

from hawc.history import MemoryHistory
from hawc.samplers.report import SamplerReport
from hawc.targets import Empirical, GaussianMixture, StandardNormal

PRIOR = StandardNormal(2)


def history_of(features: torch.Tensor) -> MemoryHistory:
    history = MemoryHistory(2 + features.shape[1])
    latents = torch.tensor([[0.5, 0.0], [0.0, 2.0]]).repeat(len(features) // 2, 1)
    history.append(torch.cat([latents, features], dim=1), expected_length=0)
    return history


def test_numbers_of_a_known_case() -> None:
    grid = 2.0 * torch.arange(6.0)[:, None]
    candidates = torch.arange(12.0)[:, None]
    report = SamplerReport.of(history_of(grid), PRIOR, Empirical(candidates), candidates)
    assert (report.num_images, report.closest_pair) == (6, 2.0)
    assert 1 <= report.independent_closest_pair < 2
    # a chi distribution with two degrees of freedom
    assert report.lengths == pytest.approx((1 - math.exp(-1 / 8), 1 - math.exp(-2)))
    assert report.distance_to_data == 0
    text = str(report)
    assert "Closest pair, distance of features: 2 (i.i.d.: 1" in text
    assert "from the 11.8 % to the 86.5 % quantile" in text


def test_unknown_numbers_are_left_out() -> None:
    mixture = GaussianMixture(None, torch.zeros(1, 2), 1.0)
    report = SamplerReport.of(history_of(torch.zeros(2, 1)), mixture, None, torch.zeros(1, 1))
    assert math.isnan(report.lengths[0])
    assert math.isnan(report.independent_closest_pair)
    assert "nan" not in str(report)
