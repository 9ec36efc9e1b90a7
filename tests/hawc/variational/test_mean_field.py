"""Products of normal distributions: an example by hand, and that no close product is better."""

from functools import partial

import pytest
import torch
from torch import Tensor

from hawc.divergences import normals
from hawc.targets import Normal
from hawc.variational import forward_mean_field, reverse_mean_field

T = partial(torch.tensor, dtype=torch.float64)


def correlated(dim: int = 3) -> Normal:
    root = torch.randn(dim, dim, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return Normal(torch.arange(float(dim)), root @ root.T + 0.1 * torch.eye(dim))


def test_variances_for_a_correlation_of_nine_tenths() -> None:
    distribution = Normal(T([1.0, 1.0]), T([[1.0, 0.9], [0.9, 1.0]]))
    reverse, forward = reverse_mean_field(distribution), forward_mean_field(distribution)
    torch.testing.assert_close(reverse.covariance.diagonal(), T([0.19, 0.19]))
    torch.testing.assert_close(forward.covariance.diagonal(), T([1.0, 1.0]))
    assert torch.equal(reverse.mean, distribution.mean)


@pytest.mark.parametrize("scale", [0.97, 1.03])
def test_no_close_product_is_better(scale: float) -> None:
    distribution = correlated()
    reverse, forward = reverse_mean_field(distribution), forward_mean_field(distribution)

    def changed(product: Normal, j: int) -> tuple[Normal, Normal]:
        factor: Tensor = torch.ones(3)
        factor[j] = scale
        moved = product.mean + (scale - 1) * torch.eye(3)[j]
        return Normal(product.mean, product.covariance * factor), Normal(moved, product.covariance)

    for j in range(3):
        for other in changed(reverse, j):
            assert normals.kl(other, distribution) > normals.kl(reverse, distribution)
        for other in changed(forward, j):
            assert normals.kl(distribution, other) > normals.kl(distribution, forward)


def test_a_product_is_its_own_approximation() -> None:
    distribution = Normal(T([1.0, -2.0]), T([2.0, 3.0]).diag())
    for product in (reverse_mean_field(distribution), forward_mean_field(distribution)):
        torch.testing.assert_close(product.covariance, distribution.covariance)


def test_refuses_a_plane() -> None:
    with pytest.raises(ValueError, match="`distribution` must have a regular covariance, got"):
        reverse_mean_field(Normal(T([0.0, 0.0]), T([[1.0, 1.0], [1.0, 1.0]])))
