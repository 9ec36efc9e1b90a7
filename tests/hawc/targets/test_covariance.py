"""Principal axes and variances, and the matrices that are no covariances."""

import math

import pytest
import torch

from hawc.targets.covariance import spectrum


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_axes_and_variances_give_the_matrices_back(dtype: torch.dtype) -> None:
    factors = torch.randn(4, 5, 3, generator=torch.Generator().manual_seed(0)).to(dtype)
    covariances = factors @ factors.mT  # of rank three in five dimensions
    variances, axes = spectrum(covariances, "covariances")
    assert axes is not None
    assert variances.dtype == axes.dtype == torch.float64
    assert (variances >= 0).all()
    rebuilt = (axes * variances[:, None]) @ axes.mT
    rounding = 20 * torch.finfo(dtype).eps * float(covariances.abs().max())
    torch.testing.assert_close(rebuilt, covariances.double(), rtol=0, atol=rounding)
    torch.testing.assert_close(axes.mT @ axes, torch.eye(5).expand(4, 5, 5), rtol=0, atol=1e-13)


def test_single_variances_need_no_axes() -> None:
    variances, axes = spectrum(torch.tensor([0.0, 2.0]), "covariances")
    assert variances.tolist() == [[0.0], [2.0]]
    assert axes is None


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_rejects_values_that_are_not_finite(value: float) -> None:
    with pytest.raises(ValueError, match="`covariance` must be finite, got NaN or infinity"):
        spectrum(torch.tensor([1.0, value]), "covariance")


def test_rejects_an_asymmetric_matrix() -> None:
    with pytest.raises(ValueError, match=r"must be symmetric, .* differ by up to 1e-06"):
        spectrum(torch.tensor([[[1.0, 1e-6], [0.0, 1.0]]]), "covariance")


@pytest.mark.parametrize(
    "covariances", [torch.tensor([1.0, -1e-9]), torch.tensor([[[1.0, 2.0], [2.0, 1.0]]])]
)
def test_rejects_a_negative_variance(covariances: torch.Tensor) -> None:
    with pytest.raises(ValueError, match=r"`covariance` must have no negative variance .* got -"):
        spectrum(covariances, "covariance")
