"""Kernels: conditionally negative type, closed forms, and what happens at 0 and far away."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import final

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from jaxtyping import Float
from torch import Tensor

from hawc.kernels import (
    AbstractKernel,
    Energy,
    GaussianComplement,
    HuberEnergy,
    Mixture,
    Power,
    Quotient,
    cached_mixture,
    mixture_of_density,
)

CPU = torch.device("cpu")
SMOOTH = [
    HuberEnergy(0.1),
    HuberEnergy(3.0),
    Power(0.2, 0.5),
    Power(0.9, 1.0),
    Quotient(0.3, 0.5),
    Quotient(1.0, 2.0),
    GaussianComplement(),
    GaussianComplement(30.0),
]
STEEP = [Energy(), HuberEnergy(), HuberEnergy(1e-8), Power(), Power(0.05), Quotient(0.5, 1e-5)]
KERNELS = st.sampled_from(SMOOTH + STEEP)
OFFSETS = st.floats(-100, 100)
POINT_SETS = npst.arrays(
    np.float64,
    st.tuples(st.integers(2, 9), st.integers(1, 6)),
    elements=st.floats(-100, 100),
)


@final
@dataclass(frozen=True)
class LogKernel(AbstractKernel):
    """h(x, y) = log(1 + |x - y|^2), as a user might add it."""

    def profile(self, squared_norm: Float[Tensor, "*s"]) -> Float[Tensor, "*s"]:
        return squared_norm.log1p()

    def slope(self, squared_norm: Float[Tensor, "*s"]) -> Float[Tensor, "*s"]:
        return 1 / (1 + squared_norm)

    def mixture(self) -> Mixture:
        return mixture_of_density(lambda rate: (-rate).exp() / rate)


@given(KERNELS, POINT_SETS)
def test_matrix_is_symmetric_with_zero_diagonal(kernel: AbstractKernel, points: np.ndarray) -> None:
    x = torch.from_numpy(points)
    matrix = kernel(x, x)
    assert torch.equal(matrix, matrix.T)
    assert torch.equal(matrix.diagonal(), torch.zeros(len(x)))
    assert (matrix >= 0).all()


@given(KERNELS, POINT_SETS, st.integers(0, 2**31))
def test_conditionally_negative_on_centered_weights(
    kernel: AbstractKernel, points: np.ndarray, seed: int
) -> None:
    x = torch.from_numpy(points)
    weights = torch.randn(len(x), generator=torch.Generator().manual_seed(seed))
    weights -= weights.mean()
    matrix = kernel(x, x)
    rounding = 1e-12 * float(weights.abs() @ matrix @ weights.abs())  # some eps of every summand
    assert float(weights @ matrix @ weights) <= rounding


@given(KERNELS, POINT_SETS)
def test_root_of_kernel_is_a_metric(kernel: AbstractKernel, points: np.ndarray) -> None:
    # Schoenberg: h is of conditionally negative type iff sqrt(h) is a distance in a Hilbert space
    root = kernel(torch.from_numpy(points), torch.from_numpy(points)).sqrt()
    detour = (root[:, :, None] + root[None, :, :]).min(dim=1).values
    assert (root <= detour + 1e-12 * (1 + root.max())).all()  # some eps


@given(st.sampled_from([HuberEnergy(0.1), Energy(), Quotient(0.5, 1.0)]), POINT_SETS, OFFSETS)
def test_depends_on_the_difference_only(
    kernel: AbstractKernel, points: np.ndarray, offset: float
) -> None:
    x = torch.from_numpy(points)
    # coordinates up to 200 carry 3e-14 each, and |gradient of h| is about 1 at most
    torch.testing.assert_close(kernel(x + offset, x + offset), kernel(x, x), rtol=0, atol=1e-12)


CLOSED_FORMS = [
    (HuberEnergy(1e-5), lambda s: mpmath.sqrt(mpmath.mpf(1e-5) ** 2 + s) - mpmath.mpf(1e-5)),
    (HuberEnergy(10.0), lambda s: mpmath.sqrt(100 + s) - 10),
    (Energy(), mpmath.sqrt),
    (Power(0.25, 0.1), lambda s: (mpmath.mpf(0.1) ** 2 + s) ** 0.25 - mpmath.mpf(0.1) ** 0.5),
    (Power(0.75, 2.0), lambda s: (4 + s) ** 0.75 - mpmath.mpf(4) ** 0.75),
    (Quotient(0.25, 0.1), lambda s: s / (mpmath.mpf(0.1) ** 2 + s) ** 0.25),
    (Quotient(1.0, 2.0), lambda s: s / (4 + s)),
    (GaussianComplement(0.5), lambda s: -mpmath.expm1(-s / (2 * mpmath.mpf(0.5) ** 2))),
]


@pytest.mark.parametrize(("kernel", "formula"), CLOSED_FORMS, ids=lambda v: str(v)[:24])
@pytest.mark.parametrize("distance", [1e-12, 1e-6, 1e-3, 1.0, 1e3, 1e6])
def test_profile_has_full_precision(
    kernel: AbstractKernel, formula: Callable[[mpmath.mpf], mpmath.mpf], distance: float
) -> None:
    squared = torch.tensor(distance**2)
    with mpmath.workdps(60):
        exact = float(formula(mpmath.mpf(float(squared))))
    # a few eps = 2e-16, and the exponent of a power carries some eps of a logarithm near 30
    assert float(kernel.profile(squared)) == pytest.approx(exact, rel=2e-14, abs=0)


@pytest.mark.parametrize("kernel", [*SMOOTH, *STEEP, LogKernel()], ids=str)
def test_slope_is_the_derivative_of_the_profile(kernel: AbstractKernel) -> None:
    squared = (torch.logspace(-4, 4, 33) ** 2).requires_grad_()
    (derivative,) = torch.autograd.grad(kernel.profile(squared).sum(), squared)
    # autograd's own form cancels where h is flat
    torch.testing.assert_close(kernel.slope(squared.detach()), derivative, rtol=1e-11, atol=1e-16)
    assert kernel.slope(torch.zeros(1)).isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("kernel", [*SMOOTH, *STEEP], ids=str)
def test_gradient_is_zero_at_coincident_points(kernel: AbstractKernel, dtype: torch.dtype) -> None:
    x = torch.full((3, 2), 0.7, dtype=dtype, requires_grad=True)
    for y in (x, x.detach()):
        (gradient,) = torch.autograd.grad(kernel(x, y).sum(), x)
        assert torch.equal(gradient, torch.zeros_like(x))


@pytest.mark.parametrize("kernel", [*SMOOTH, LogKernel()], ids=str)
def test_gradient_matches_finite_differences(kernel: AbstractKernel) -> None:
    x = torch.tensor([[0.0, 0.0], [0.0, 0.0], [1.0, 2.0]], requires_grad=True)
    y = torch.tensor([[0.0, 0.0], [1.0, 2.0], [0.5, -1.0]], requires_grad=True)
    # unlike for a = 1e-5, differences over gradcheck's 1e-6 see a smooth function
    assert torch.autograd.gradcheck(kernel, (x, y))


def test_float32_keeps_small_distances_of_large_coordinates() -> None:
    # 64 points: from 26 on torch's default would expand the square and lose everything here
    x = 1000 + torch.arange(64.0)[:, None] / 64  # exact in float32
    matrix = HuberEnergy()(x.float(), x.float())
    exact = HuberEnergy()(x, x)
    torch.testing.assert_close(matrix.double(), exact, rtol=1e-6, atol=0)  # float32 eps = 1.2e-7


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_far_points_are_finite(dtype: torch.dtype) -> None:
    x = torch.tensor([[1e6, 0.0], [0.0, -1e6]], dtype=dtype, requires_grad=True)
    distance = HuberEnergy()(x, torch.zeros(1, 2, dtype=dtype))
    (gradient,) = torch.autograd.grad(distance.sum(), x)
    # h = |x| - a up to a^2 / |x|; float32 eps times 1e6 is larger than a
    assert distance.detach().double().flatten().tolist() == pytest.approx([1e6, 1e6], rel=1e-7)
    expected = torch.tensor([[1.0, 0.0], [0.0, -1.0]], dtype=dtype)
    torch.testing.assert_close(gradient, expected)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_computed_in_float32(dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.randn(5, 3, generator=generator).to(dtype) for _ in range(2))
    assert torch.equal(HuberEnergy()(x, y), HuberEnergy()(x.float(), y.float()))


@pytest.mark.parametrize("kernel", [*SMOOTH, *STEEP, Power(0.99), LogKernel()], ids=str)
def test_mixture_reproduces_the_kernel(kernel: AbstractKernel) -> None:
    squared = torch.logspace(-6, 6, 97) ** 2
    rate, weight = cached_mixture(kernel, torch.float64, CPU)
    mixture = -torch.expm1(-torch.outer(squared, rate)) @ weight
    # the trapezoidal rule's exp(-pi^2 / 0.3) = 5e-15, times what the integrand grows off the axis
    torch.testing.assert_close(mixture, kernel.profile(squared), rtol=1e-11, atol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("kernel", [*SMOOTH, *STEEP], ids=str)
def test_mixture_is_finite_in_the_given_dtype(kernel: AbstractKernel, dtype: torch.dtype) -> None:
    rate, weight = cached_mixture(kernel, dtype, CPU)
    assert rate.dtype == weight.dtype == dtype
    assert (rate > 0).all()
    assert (weight >= 0).all()  # the smallest underflow in float32
    assert weight.isfinite().all()


LENGTHY = [HuberEnergy, partial(Power, 0.5), partial(Quotient, 0.5)]


@pytest.mark.parametrize("a", [0.0, -1.0, 9e-19, 2e18, float("nan"), float("inf")])
@pytest.mark.parametrize("make", LENGTHY)
def test_rejects_a_length_out_of_range(make: Callable[[float], AbstractKernel], a: float) -> None:
    with pytest.raises(ValueError, match=r"`a` must be from 1e-18 to 1e18, got"):
        make(a)


@pytest.mark.parametrize("bandwidth", [0.0, -1.0, float("nan"), float("inf")])
def test_rejects_a_bandwidth_that_is_not_positive_and_finite(bandwidth: float) -> None:
    with pytest.raises(ValueError, match=r"`bandwidth` must be from 1e-18 to 1e18, got"):
        GaussianComplement(bandwidth)


@pytest.mark.parametrize("alpha", [0.0, 1.0, -0.5, float("nan")])
def test_power_rejects_an_exponent(alpha: float) -> None:
    with pytest.raises(ValueError, match=r"`alpha` must be in \(0, 1\), got"):
        Power(alpha)


@pytest.mark.parametrize("alpha", [0.0, 1.1, -0.5, float("nan")])
def test_quotient_rejects_an_exponent(alpha: float) -> None:
    with pytest.raises(ValueError, match=r"`alpha` must be in \(0, 1\], got"):
        Quotient(alpha)


@pytest.mark.parametrize("kernel", SMOOTH + STEEP, ids=repr)
@pytest.mark.parametrize("length", [1e-6, 3.0, 1e5])
def test_kernels_have_a_form_in_other_units(kernel: AbstractKernel, length: float) -> None:
    squared = torch.tensor([0.0, 1e-3, 1.0, 50.0])
    rescaled = kernel.rescaled(length)
    assert rescaled is not None
    expected = kernel.profile(length**2 * squared)
    torch.testing.assert_close(
        rescaled[1] * rescaled[0].profile(squared), expected, rtol=1e-10, atol=0
    )


def test_equal_kernels_are_one_value() -> None:
    assert {HuberEnergy(), HuberEnergy(1e-5)} == {HuberEnergy()}
    assert HuberEnergy(0.1) != HuberEnergy()
