import warnings

import numpy as np
import pytest
import torch
from jaxtyping import Float
from scipy.linalg import sqrtm
from torch import Tensor, nn
from torchmetrics.image.fid import FrechetInceptionDistance

from metrics import FrechetDistance, squared_frechet_distance
from tests.metrics.sets import real_and_fake


def by_definition(real: Float[Tensor, "n f"], fake: Float[Tensor, "m f"]) -> float:
    x, y = real.double().numpy(), fake.double().numpy()
    s, t = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    root = sqrtm(s @ t)
    return float(((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(s + t - 2 * root.real))


def measured(real: Float[Tensor, "n f"], fake: Float[Tensor, "m f"]) -> float:
    metric = FrechetDistance(real.shape[1])
    metric.update(real, real=True)
    metric.update(fake, real=False)
    return float(metric.compute())


@pytest.mark.parametrize("num_features", [2, 30])
@pytest.mark.parametrize("offset", [0, 1000])
def test_values_are_those_of_scipy(num_features: int, offset: float) -> None:
    real, fake = (x + offset for x in real_and_fake(100, 80, num_features))
    # products of numbers of 1000 in float64 leave ten digits of a covariance of 1
    expected = by_definition(real, fake)
    assert measured(real, fake) == pytest.approx(expected, rel=1e-8 if offset else 1e-11)


def test_values_are_those_of_torchmetrics() -> None:
    real, fake = real_and_fake(100, 80, 12)
    reference = FrechetInceptionDistance(feature=Flat(), normalize=True, input_img_size=(3, 2, 2))
    reference.update(real.view(-1, 3, 2, 2), real=True)
    reference.update(fake.view(-1, 3, 2, 2), real=False)
    # torchmetrics returns float32
    assert measured(real, fake) == pytest.approx(float(reference.compute()), rel=1e-5)


class Flat(nn.Module):
    num_features = 12

    def forward(self, images: Tensor) -> Tensor:
        return images.flatten(1)


def test_normal_distributions_along_the_axes_have_a_closed_form() -> None:
    s, t = torch.rand(2, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    s[0] = t[1] = 0  # singular
    mean, other = torch.zeros_like(s), torch.full_like(s, 0.5)
    distance = squared_frechet_distance(mean, s.square().diag(), other, t.square().diag())
    assert float(distance) == pytest.approx(float((s - t).square().sum()) + 6 / 4, rel=1e-12)


def test_equal_sets_are_at_distance_zero_even_if_degenerate() -> None:
    real, _ = real_and_fake(100, 10, 5)
    real = torch.cat([real, real @ torch.ones(5, 3)], 1)  # rank 5 of 8
    # singular values of a product of roots are exact to eps, roots of eigenvalues to sqrt(eps)
    assert 0 <= measured(real, real.flip(0)) < 1e-12


def test_a_shift_counts_as_its_square() -> None:
    real, _ = real_and_fake(100, 10, 5)
    real = real.double()
    assert measured(real, real + 0.5) == pytest.approx(5 / 4, rel=1e-10)


def test_few_images_give_a_warning() -> None:
    real, fake = real_and_fake(6, 8, 6)
    with pytest.warns(UserWarning, match="over 6 features needs more images .* 6 real and 8 gen"):
        value = measured(real, fake)
    assert value == pytest.approx(by_definition(real, fake), rel=1e-6)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        measured(*real_and_fake(7, 7, 6))


def test_one_image_is_too_few() -> None:
    real, fake = real_and_fake()
    with pytest.raises(ValueError, match=r"at least 2 real and 2 generated .* got 90 and 1\."):
        measured(real, fake[:1])


def test_features_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match=r"`num_features` must be the length .* is 4, got 5"):
        FrechetDistance(5).update(real_and_fake()[0], real=True)
    with pytest.raises(ValueError, match="`num_features` must be at least 1, got 0"):
        FrechetDistance(0)
