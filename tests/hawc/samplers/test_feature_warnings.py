"""Warnings of FeatureSampler: when they appear, and when they do not."""

import warnings
from collections.abc import Callable

import pytest
import torch

from hawc.kernels import HuberEnergy
from hawc.samplers.feature_warnings import (
    warn_if_outside_prior,
    warn_if_too_close,
    warn_if_unlike_data,
)
from hawc.targets import Empirical, StandardNormal, UniformCube


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def is_silent(call: Callable[[], None]) -> bool:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    return not caught


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_reports_images_in_another_range_with_both_distances(scale: float) -> None:
    images = torch.rand(200, 64, generator=seeded())
    data = Empirical(scale * torch.rand(500, 64, generator=seeded(1)))
    assert is_silent(lambda: warn_if_unlike_data(scale * images, data, 0))
    for other in (255 * images, 2 * images - 1, images / 255):
        with pytest.warns(
            UserWarning, match=r"is [\d.e+-]+ from the nearest .* and [\d.e+-]+ from"
        ):
            warn_if_unlike_data(scale * other, data, 0)


def test_accepts_data_of_a_single_class() -> None:
    modes = 10 * torch.eye(10)
    candidates = modes.repeat(20, 1) + 0.1 * torch.randn(200, 10, generator=seeded())
    data = Empirical(modes[:1] + 0.1 * torch.randn(100, 10, generator=seeded(1)))
    assert is_silent(lambda: warn_if_unlike_data(candidates, data, 0))
    assert is_silent(lambda: warn_if_unlike_data(candidates, Empirical(modes[:1]), 0))  # no spread


def test_reports_a_distance_that_was_not_reached() -> None:
    with pytest.warns(
        UserWarning, match="`min_distance` of 5.5 was not reached: .* have distance 4.2"
    ):
        warn_if_too_close(4.2, 5.5)
    assert is_silent(lambda: warn_if_too_close(5.0, 5.5))  # at least 90 %
    assert is_silent(lambda: warn_if_too_close(torch.inf, 5.5))


def test_reports_latents_outside_the_prior() -> None:
    prior = UniformCube(2)
    inside = prior.sample(100, generator=seeded())
    for latents, is_outside in ((inside[:5], False), (inside[:5] + 2, True)):
        call = lambda z=latents: warn_if_outside_prior(z, inside, prior, HuberEnergy())  # noqa: E731
        if is_outside:
            with pytest.warns(
                UserWarning, match="Latents have left the prior: .* is 3.33, and at most 0.6"
            ):
                call()
        else:
            assert is_silent(call)


def test_accepts_a_distribution_with_a_density_as_data() -> None:
    normal = StandardNormal(4)
    assert is_silent(lambda: warn_if_unlike_data(normal.sample(50, generator=seeded()), normal, 0))


def test_distances_from_the_data_do_not_depend_on_the_origin() -> None:
    images, others = (torch.randn(200, 8, generator=seeded(seed)).double() for seed in range(2))
    data = Empirical(others + 1e10)
    assert is_silent(lambda: warn_if_unlike_data(images + 1e10, data, 0))
    with pytest.warns(UserWarning, match="No candidate looks like `data`"):
        warn_if_unlike_data(images + 1e10 + 20, data, 0)


def test_does_not_test_fewer_than_fifty_candidates() -> None:
    # ten classes: ten candidates often lack the class of the data
    modes = 10 * torch.eye(10)
    data = Empirical(modes[:1] + 0.1 * torch.randn(100, 10, generator=seeded(1)))
    assert is_silent(lambda: warn_if_unlike_data(modes[1:].repeat(5, 1), data, 0))
    with pytest.warns(UserWarning, match="No candidate looks like `data`"):
        warn_if_unlike_data(modes[1:].repeat(6, 1), data, 0)
