"""Sums of kernels against the plain matrix of them and its gradient by autograd."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

import hawc.kernel_sum
from hawc.kernel_sum import EXPANDED_FROM_DIM, KernelSum, differentiable
from hawc.kernels import AbstractKernel, Energy, HuberEnergy
from tests.hawc.compression.cases import KERNELS, SMOOTH, normal, seeded

DIMS = [1, 2, EXPANDED_FROM_DIM - 1, EXPANDED_FROM_DIM, 3 * EXPANDED_FROM_DIM]


def plain(
    kernel: AbstractKernel, x: Tensor, points: Tensor, weights: Tensor
) -> tuple[Tensor, Tensor]:
    x = x.clone().requires_grad_()
    value = kernel(x, points) @ weights
    (gradient,) = torch.autograd.grad(value.sum(), x)
    return value.detach(), gradient


@given(
    st.sampled_from(KERNELS),
    st.sampled_from(DIMS),
    st.integers(1, 5),
    st.integers(1, 20),
    st.booleans(),
    st.integers(0, 2**20),
)
def test_equals_the_plain_matrix_and_its_gradient(
    kernel: AbstractKernel, dim: int, n: int, m: int, weighted: bool, seed: int
) -> None:
    x, points = normal(n, dim, seed=seed), normal(m, dim, seed=seed + 1)
    signed = normal(m, seed=seed + 2)
    expected = plain(kernel, x, points, signed if weighted else torch.ones(m))
    kernel_sum = KernelSum(kernel, points, signed if weighted else None)
    computed = kernel_sum(x)
    assert torch.equal(kernel_sum.values(x), computed[0])
    # twenty roundings; two samples on the line may be 1e-4 apart, where gradients change fast
    torch.testing.assert_close(computed[0], expected[0], rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(computed[1], expected[1], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("dim", [2, EXPANDED_FROM_DIM])
@pytest.mark.parametrize("kernel", KERNELS, ids=repr)
def test_a_point_has_no_gradient_on_itself(kernel: AbstractKernel, dim: int) -> None:
    points = normal(7, dim)
    value, gradient = KernelSum(kernel, points)(points)
    expected = plain(kernel, points, points, torch.ones(7))
    # expanded squared distances are off by some 1e-15 |x|^2, so that |x - x| is up to 1e-7 |x|;
    # in few dimensions a slope of 5e7 at 0 may leave a rounding of it
    atol = 1e-6 if isinstance(kernel, (Energy, HuberEnergy)) else 1e-3
    torch.testing.assert_close(value, expected[0], rtol=0, atol=atol)
    torch.testing.assert_close(gradient, expected[1], rtol=0, atol=atol)


@pytest.mark.parametrize("dim", [2, EXPANDED_FROM_DIM])
@pytest.mark.parametrize(("pairs", "fewest", "columns"), [(1, 1, 1), (12, 2, 3), (100, 5, 4096)])
def test_blocks_change_nothing(
    dim: int, pairs: int, fewest: int, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, kernel_sum = normal(8, dim), KernelSum(HuberEnergy(), normal(23, dim, seed=1), normal(23))
    whole = kernel_sum(x)
    monkeypatch.setattr(hawc.kernel_sum, "_BLOCK_PAIRS", pairs)
    monkeypatch.setattr(hawc.kernel_sum, "_FEWEST_ROWS", fewest)
    monkeypatch.setattr(hawc.kernel_sum, "_MOST_COLUMNS", columns)
    for blocked, expected in zip(kernel_sum(x), whole, strict=True):
        # the order of a sum of 23
        torch.testing.assert_close(blocked, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dim", [2, 16])
def test_long_sums_in_float32_keep_its_digits(dim: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hawc.kernel_sum, "_BLOCK_PAIRS", 1)  # many blocks to be summed up
    count = 200_000
    points, x = normal(count, dim).float(), normal(16, dim, seed=1).float()
    value, gradient = KernelSum(HuberEnergy(), points)(x)
    exact_value, exact_gradient = KernelSum(HuberEnergy(), points.double())(x.double())
    assert value.dtype == gradient.dtype == torch.float64
    # eps is 1.2e-7; each term is rounded, the sum is not
    torch.testing.assert_close(value, exact_value, rtol=1.2e-7, atol=0)
    # a term is of order one; some neighbours are so near that theirs is known to 1e-4 only
    torch.testing.assert_close(gradient, exact_gradient, rtol=0, atol=1.2e-7 * count)


@pytest.mark.parametrize("dim", [2, EXPANDED_FROM_DIM])
def test_no_points_have_the_sum_zero(dim: int) -> None:
    value, gradient = KernelSum(HuberEnergy(), torch.empty(0, dim))(normal(3, dim))
    assert torch.equal(value, torch.zeros(3))
    assert torch.equal(gradient, torch.zeros(3, dim))


def test_no_places_have_empty_sums() -> None:
    value, gradient = KernelSum(HuberEnergy(), normal(3, 2))(torch.empty(0, 2))
    assert value.shape == (0,)
    assert gradient.shape == (0, 2)


def test_keeps_the_points_rather_than_a_copy() -> None:
    points = normal(5, 2)
    kernel_sum, x = KernelSum(HuberEnergy(), points), normal(1, 2, seed=1)
    before = kernel_sum(x)[0].clone()
    points += 1
    assert not torch.equal(kernel_sum(x)[0], before)


@pytest.mark.parametrize("kernel", SMOOTH, ids=repr)
def test_autograd_knows_the_gradient(kernel: AbstractKernel) -> None:
    points = normal(6, 2)
    x = torch.cat([points[:2], normal(3, 2, seed=1)]).requires_grad_()  # also where points coincide
    kernel_sum = KernelSum(kernel, points, torch.rand(6, generator=seeded()))
    assert torch.autograd.gradcheck(lambda x: differentiable(kernel_sum, x), (x,))


def test_autograd_knows_no_second_derivative() -> None:
    x = normal(2, 2, seed=1).requires_grad_()
    value = differentiable(KernelSum(HuberEnergy(), normal(3, 2)), x)
    with pytest.raises(
        RuntimeError, match=r"`create_graph` must be False .*, got True; the matrix"
    ):
        torch.autograd.grad(value.square().sum(), x, create_graph=True)


def test_differentiable_answers_in_the_dtype_of_its_argument() -> None:
    x = normal(2, 2).float().requires_grad_()
    value = differentiable(KernelSum(HuberEnergy(), normal(3, 2, seed=1)), x)
    value.sum().backward()
    assert value.dtype == torch.float32
    assert x.grad is not None
    assert x.grad.dtype == torch.float32


@pytest.mark.parametrize("distance", [0.0, 1e-4, 1e-3, 1e-2])
@pytest.mark.parametrize("dim", [EXPANDED_FROM_DIM, 128])
def test_a_near_neighbour_has_no_larger_gradient_than_others(dim: int, distance: float) -> None:
    points, direction = normal(200, dim), normal(200, dim, seed=1)
    moved = points + distance * torch.nn.functional.normalize(direction, dim=1)
    # one alone counts, but all are there: the origin is not moved to where that one is
    for x, alone in zip(moved.float(), torch.eye(200).float(), strict=True):
        _, gradient = KernelSum(HuberEnergy(), points.float(), alone)(x[None])
        assert float(gradient.norm()) < 1.5  # a unit vector, if its direction is resolved


@pytest.mark.parametrize("offset", [10.0, 1000.0])
def test_float32_sums_do_not_suffer_from_a_far_origin(offset: float) -> None:
    y, x = normal(2000, 16), normal(5, 16, seed=1)
    value, gradient = KernelSum(HuberEnergy(), (y + offset).float())(x + offset)
    expected, expected_gradient = KernelSum(HuberEnergy(), y)(x)
    # the points themselves are rounded to eps = 6e-8 of the offset, at random
    torch.testing.assert_close(value, expected, rtol=1e-6, atol=0)
    torch.testing.assert_close(gradient, expected_gradient, rtol=0, atol=0.02)


def in_places(places: slice, count: int = 20_000) -> tuple[Tensor, Tensor]:
    """Returns float32 points of a wide group with a narrow one at some places, and points near."""
    points, group = 1e4 * normal(count, 16), 1e4 + normal(count, 16, seed=1)
    points[places] = group[places]
    return points.float(), 1e4 + normal(8, 16, seed=2)


@pytest.mark.parametrize(
    "places",
    [slice(7, None, 20), slice(1, None, 2), slice(3, None, 40), slice(9_000, 9_600)],
    ids=["a twentieth", "every other one", "a fortieth", "one batch"],
)
def test_a_rare_narrow_group_keeps_its_digits(places: slice) -> None:
    points, x = in_places(places)
    value, gradient = KernelSum(HuberEnergy(), points)(x)
    expected, expected_gradient = KernelSum(HuberEnergy(), points.double())(x)
    torch.testing.assert_close(value, expected, rtol=1e-6, atol=0)
    torch.testing.assert_close(gradient, expected_gradient, rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize("count", [1, 2, 256, 257, 1000, 100_000])
def test_indices_are_spread_over_all(count: int) -> None:
    places = hawc.kernel_sum._spread_indices(count)
    assert len(places) == min(count, 256)
    assert 0 <= int(places.min()) <= int(places.max()) < count
    for period in (2, 3, 5, 10, 16):  # every remainder is met, and about equally often
        seen = torch.bincount(places % period, minlength=period)
        assert int(seen.max()) <= max(1, 2 * len(places) // period + 1)
        assert int(seen.min()) >= len(places) // (2 * period)
