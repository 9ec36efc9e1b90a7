"""Metrics of known features, computed by hand."""

import math

import pytest
import torch

from benchmarks.pretrained_metrics import Judge, relative_lengths
from hawc import StandardNormal
from hawc.targets import Normal, UniformCube

# nearest others: 1, 1, 2, 4
REFERENCE = torch.tensor([[0.0], [1.0], [3.0], [7.0]])


def test_metrics_of_points_on_a_line() -> None:
    # 25 % of (1, 1, 2, 4) is 1, 50 % is 1.5
    values = Judge(REFERENCE).values(torch.tensor([[0.0], [5.0], [5.5], [6.6]]))
    assert values["repeats (25 %)"] == 1  # 5.5 repeats 5, at 0.5; 6.6 is 1.1 from 5.5
    assert values["repeats (50 %)"] == 2
    assert values["mean nearest"] == pytest.approx((5 + 0.5 + 0.5 + 1.1) / 4, rel=1e-6)
    assert values["closest pair"] == pytest.approx(0.5, rel=1e-6)
    assert values["nearest reference"] == pytest.approx((0 + 2 + 1.5 + 0.4) / 4, rel=1e-6)


def test_the_distance_to_the_reference_is_half_of_the_energy_distance() -> None:
    # E|X - Y| = (0 + 1 + 3 + 7 + 2 + 1 + 1 + 5) / 8, E|X - X'| = 2 (1 + 3 + 7 + 2 + 6 + 4) / 16,
    # E|Y - Y'| = 2 * 2 / 4
    values = Judge(REFERENCE).values(torch.tensor([[0.0], [2.0]]))
    expected = 20 / 8 - 0.5 * 46 / 16 - 0.5 * 1
    assert values["d² to reference"] == pytest.approx(expected, abs=1e-4)  # h is |x - y| but near 0


def test_the_reference_itself_is_at_no_distance() -> None:
    values = Judge(REFERENCE).values(REFERENCE)
    assert values["d² to reference"] == pytest.approx(0, abs=1e-12)
    assert values["nearest reference"] == 0
    assert values["mean nearest"] == 2


def test_one_image_twenty_times_repeats_nineteen_times() -> None:
    values = Judge(REFERENCE).values(torch.zeros(20, 1))
    assert values["repeats (25 %)"] == 19
    assert values["closest pair"] == values["mean nearest"] == 0


MEDIAN = math.sqrt(2 * math.log(2))  # of |Z| in the plane: P(|Z| > r) = exp(-r^2 / 2)


def test_lengths_are_relative_to_the_median_one() -> None:
    latents = torch.tensor([[0.0, 0.0], [MEDIAN, 0.0], [2.0, 2.0]])
    expected = torch.tensor([0.0, 1.0, math.sqrt(8) / MEDIAN], dtype=torch.float64)
    torch.testing.assert_close(relative_lengths(StandardNormal(2), latents), expected)


def test_lengths_are_in_the_metric_of_the_covariance() -> None:
    prior = Normal(torch.tensor([1.0, 0.0]), torch.tensor([[4.0, 0.0], [0.0, 0.25]]))
    lengths = relative_lengths(prior, torch.tensor([[3.0, 0.0], [1.0, 0.5], [3.0, 0.5]]))
    expected = torch.tensor([1, 1, math.sqrt(2)], dtype=torch.float64) / MEDIAN
    torch.testing.assert_close(lengths, expected)


def test_a_prior_without_lengths_is_refused() -> None:
    with pytest.raises(ValueError, match="`prior` must be elliptical"):
        relative_lengths(UniformCube(2), torch.zeros(1, 2))
