"""When a FeatureSampler says something, and when it keeps silent."""

import warnings
from collections.abc import Callable

import pytest
import torch

from hawc.kernels import HuberEnergy
from hawc.samplers.feature_warnings import warn_if_far, warn_if_near, warn_if_outside
from hawc.targets import Empirical, StandardNormal, UniformCube


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def silent(call: Callable[[], None]) -> bool:
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        call()
    return not found


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_images_in_another_range_are_told_with_both_distances(scale: float) -> None:
    images = torch.rand(200, 64, generator=seeded())
    data = Empirical(scale * torch.rand(500, 64, generator=seeded(1)))
    assert silent(lambda: warn_if_far(scale * images, data, 0))
    for other in (255 * images, 2 * images - 1, images / 255):
        with pytest.warns(
            UserWarning, match=r"is [\d.e+-]+ from the nearest .* and [\d.e+-]+ from"
        ):
            warn_if_far(scale * other, data, 0)


def test_data_of_one_class_alone_are_no_other_range() -> None:
    modes = 10 * torch.eye(10)
    candidates = modes.repeat(20, 1) + 0.1 * torch.randn(200, 10, generator=seeded())
    data = Empirical(modes[:1] + 0.1 * torch.randn(100, 10, generator=seeded(1)))
    assert silent(lambda: warn_if_far(candidates, data, 0))
    assert silent(lambda: warn_if_far(candidates, Empirical(modes[:1]), 0))  # no spread


def test_a_distance_that_was_not_had_is_told() -> None:
    with pytest.warns(UserWarning, match="`min_distance` of 5.5 cannot be had .* are 4.2 apart"):
        warn_if_near(4.2, 5.5)
    assert silent(lambda: warn_if_near(5.0, 5.5))  # as far as can be had for little
    assert silent(lambda: warn_if_near(torch.inf, 5.5))


def test_latents_outside_the_prior_are_told() -> None:
    prior = UniformCube(2)
    inside = prior.sample(100, generator=seeded())
    for latents, left in ((inside[:5], False), (inside[:5] + 2, True)):
        call = lambda z=latents: warn_if_outside(z, inside, prior, HuberEnergy())  # noqa: E731
        if left:
            with pytest.warns(
                UserWarning, match="Latents have left the prior: 3.33 .* at most 0.6"
            ):
                call()
        else:
            assert silent(call)


def test_a_distribution_with_a_density_serves_as_data() -> None:
    normal = StandardNormal(4)
    assert silent(lambda: warn_if_far(normal.sample(50, generator=seeded()), normal, 0))


def test_distances_from_the_data_do_not_depend_on_the_origin() -> None:
    images, others = (torch.randn(200, 8, generator=seeded(seed)).double() for seed in range(2))
    data = Empirical(others + 1e10)
    assert silent(lambda: warn_if_far(images + 1e10, data, 0))
    with pytest.warns(UserWarning, match="No candidate looks like `data`"):
        warn_if_far(images + 1e10 + 20, data, 0)


def test_few_candidates_are_not_judged() -> None:
    # ten classes: ten candidates often leave out the one of the data
    modes = 10 * torch.eye(10)
    data = Empirical(modes[:1] + 0.1 * torch.randn(100, 10, generator=seeded(1)))
    assert silent(lambda: warn_if_far(modes[1:].repeat(5, 1), data, 0))
    with pytest.warns(UserWarning, match="No candidate looks like `data`"):
        warn_if_far(modes[1:].repeat(6, 1), data, 0)
