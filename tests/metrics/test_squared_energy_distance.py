import math

import pytest
import torch

from hawc.distances import squared_distance, unbiased_squared_distance
from hawc.kernels import AbstractKernel, Energy, GaussianComplement, HuberEnergy
from metrics import SquaredEnergyDistance, squared_energy_distance
from tests.metrics.sets import real_and_fake

KERNELS = [Energy(), HuberEnergy(), HuberEnergy(1.0), GaussianComplement(2.0)]


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
@pytest.mark.parametrize("num_features", [2, 64])
def test_values_are_those_of_hawc_in_float64(kernel: AbstractKernel, num_features: int) -> None:
    x, y = (points.double() for points in real_and_fake(80, 60, num_features))
    biased, unbiased = (squared_energy_distance(kernel, x, y, unbiased=b) for b in (False, True))
    # distances by the expansion of squares; a difference of sums of order 1
    assert float(biased) == pytest.approx(float(squared_distance(kernel, x, y)), rel=1e-10)
    expected = float(unbiased_squared_distance(kernel, x, y))
    assert float(unbiased) == pytest.approx(expected, rel=1e-10)


def test_two_points_are_at_their_distance() -> None:
    x, y = torch.tensor([[1.0, 2.0]]), torch.tensor([[4.0, 6.0]])
    assert float(squared_energy_distance(Energy(), x, y)) == pytest.approx(5, rel=1e-14)


def test_the_distance_of_one_point_to_a_pair_is_known() -> None:
    x, y = torch.tensor([[0.0, 0.0]]), torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    expected = 1 - math.sqrt(2) / 4
    assert float(squared_energy_distance(Energy(), x, y)) == pytest.approx(expected, rel=1e-14)


def test_a_set_is_at_distance_zero_from_itself() -> None:
    real, _ = real_and_fake(200, 10, 30)
    distance = float(squared_energy_distance(HuberEnergy(), real, real.flip(0)))
    assert abs(distance) < 1e-14  # float32 would leave some 1e-6


@pytest.mark.parametrize("unbiased", [False, True])
def test_the_metric_takes_its_kernel_and_bias(unbiased: bool) -> None:
    real, fake = real_and_fake()
    metric = SquaredEnergyDistance(kernel=KERNELS[-1], unbiased=unbiased)
    metric.update(real, real=True)
    metric.update(fake, real=False)
    expected = squared_energy_distance(KERNELS[-1], real, fake, unbiased=unbiased)
    assert float(metric.compute()) == pytest.approx(float(expected), rel=1e-12)


def test_one_image_is_too_few_for_an_estimate_without_bias() -> None:
    real, fake = real_and_fake()
    metric = SquaredEnergyDistance(unbiased=True)
    metric.update(real, real=True)
    metric.update(fake[:1], real=False)
    with pytest.raises(ValueError, match=r"real=False\)` must bring at least 2 .* got 1"):
        metric.compute()
