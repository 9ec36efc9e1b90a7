"""Squared distances: the axioms, scipy's one-dimensional distance, and expected values."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy import stats
from scipy.spatial.distance import cdist
from torch import Tensor

import hawc.blocks
from hawc.distances import squared_distance, squared_distance_to
from hawc.kernels import HuberEnergy
from hawc.targets import Empirical, StandardNormal, StudentT
from tests.numbers_asked import NumbersAsked

KERNEL = HuberEnergy()
SMOOTH = HuberEnergy(0.1)
COORDINATES = st.floats(-100, 100)
ROUNDING = 1e-11  # distances up to 500 = 2e5 eps of each term


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=seeded(seed))


@st.composite
def two_point_sets(draw: st.DrawFn, max_dim: int = 5) -> tuple[Tensor, Tensor]:
    dim = draw(st.integers(1, max_dim))
    sizes = (draw(st.integers(1, 8)), draw(st.integers(1, 8)))
    arrays = [draw(npst.arrays(np.float64, (n, dim), elements=COORDINATES)) for n in sizes]
    return torch.from_numpy(arrays[0]), torch.from_numpy(arrays[1])


@given(npst.arrays(np.float64, (2, 3), elements=COORDINATES))
def test_between_single_points_is_the_kernel(pair: np.ndarray) -> None:
    x, y = torch.from_numpy(pair)[:1], torch.from_numpy(pair)[1:]
    assert torch.equal(squared_distance(KERNEL, x, y), KERNEL(x, y)[0, 0])


@given(two_point_sets())
def test_is_symmetric_and_not_negative(sets: tuple[Tensor, Tensor]) -> None:
    x, y = sets
    forth, back = squared_distance(SMOOTH, x, y), squared_distance(SMOOTH, y, x)
    assert float(forth) >= -ROUNDING
    torch.testing.assert_close(forth, back, rtol=0, atol=ROUNDING)


@given(two_point_sets(), st.integers(0, 2**31))
def test_vanishes_on_the_same_points_in_another_order(
    sets: tuple[Tensor, Tensor], seed: int
) -> None:
    x, y = sets
    shuffled = x[torch.randperm(len(x), generator=seeded(seed))]
    assert abs(float(squared_distance(SMOOTH, x, shuffled))) <= ROUNDING
    moved = squared_distance(SMOOTH, shuffled, y)
    torch.testing.assert_close(moved, squared_distance(SMOOTH, x, y), rtol=0, atol=ROUNDING)


@given(two_point_sets(), COORDINATES)
def test_does_not_change_under_translation(sets: tuple[Tensor, Tensor], offset: float) -> None:
    x, y = sets
    moved = squared_distance(SMOOTH, x + offset, y + offset)
    torch.testing.assert_close(moved, squared_distance(SMOOTH, x, y), rtol=0, atol=ROUNDING)


@given(two_point_sets())
def test_repeated_points_are_points_with_weights(sets: tuple[Tensor, Tensor]) -> None:
    x, y = sets
    counts = torch.arange(1, len(x) + 1)
    weights = counts / counts.sum()
    repeated = squared_distance(SMOOTH, x.repeat_interleave(counts, 0), y)
    weighted = squared_distance(SMOOTH, x, y, x_weights=weights)
    torch.testing.assert_close(repeated, weighted, rtol=0, atol=ROUNDING)


@given(two_point_sets(), st.integers(0, 2**31))
def test_signed_weights_give_a_quadratic_form(sets: tuple[Tensor, Tensor], seed: int) -> None:
    x, y = sets
    p, q = normal(len(x), seed=seed), normal(len(y), seed=seed + 1)
    q += (p.sum() - q.sum()) / len(q)
    z, gamma = torch.cat([x, y]).numpy(), torch.cat([p, -q]).numpy()
    exact = -0.5 * gamma @ (np.sqrt(0.01 + cdist(z, z) ** 2) - 0.1) @ gamma
    computed = float(squared_distance(SMOOTH, x, y, p, q))
    scale = float(np.abs(gamma).sum() ** 2)
    assert computed == pytest.approx(exact, abs=ROUNDING * (1 + scale))
    assert computed >= -ROUNDING * (1 + scale)


@given(two_point_sets(max_dim=1))
def test_on_the_line_is_the_squared_difference_of_distribution_functions(
    sets: tuple[Tensor, Tensor],
) -> None:
    x, y = sets
    # scipy returns sqrt(2 int (F - G)^2)
    exact = stats.energy_distance(x.flatten().numpy(), y.flatten().numpy()) ** 2 / 2
    # h and |x - y| differ by at most a; scipy loses half the digits where int (F - G)^2 = 0
    computed = squared_distance(HuberEnergy(1e-9), x, y)
    assert float(computed) == pytest.approx(exact, rel=1e-9, abs=2e-9)


@pytest.mark.parametrize("block_entries", [1, 5, 12, 2**22])
def test_blocks_do_not_change_the_result(
    block_entries: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, y, target = normal(11, 3), normal(7, 3, seed=1) + 1, StandardNormal(3)
    between, to_target = squared_distance(KERNEL, x, y), squared_distance_to(KERNEL, x, target)
    monkeypatch.setattr(hawc.blocks, "_BLOCK_ENTRIES", block_entries)
    # other order of summation
    torch.testing.assert_close(squared_distance(KERNEL, x, y), between, rtol=0, atol=1e-13)
    torch.testing.assert_close(
        squared_distance_to(KERNEL, x, target), to_target, rtol=0, atol=1e-13
    )


@pytest.mark.parametrize("dim", [1, 2, 8])
def test_distance_to_normal_matches_monte_carlo(dim: int) -> None:
    x = normal(6, dim) * 0.5 + 1
    z = StandardNormal(dim).sample(40_000, generator=seeded(1))
    distances = torch.cdist(z, x).mean(1)  # one unbiased estimate of the cross term per sample
    constant = torch.cdist(x, x).mean() / 2 + StandardNormal(dim).self_energy(KERNEL)
    error = float(distances.std()) / 200
    expected = float(distances.mean() - constant)
    computed = float(squared_distance_to(KERNEL, x, StandardNormal(dim)))
    # 4 standard errors fail for 1 seed in 16 000; and h = |x - y| up to a
    assert abs(computed - expected) < 4 * error + 2 * KERNEL.a


def test_distance_to_empirical_is_the_distance_between_point_sets() -> None:
    x, y, q = normal(7, 3), normal(9, 3, seed=1), normal(9, seed=2).abs()
    computed = squared_distance_to(KERNEL, x, Empirical(y, q))
    expected = squared_distance(KERNEL, x, y, y_weights=q / q.sum())
    # rounding of O(1) terms
    torch.testing.assert_close(computed, expected, rtol=0, atol=1e-13)
    assert abs(float(squared_distance_to(KERNEL, y, Empirical(y)))) < 1e-13


@pytest.mark.parametrize("target", [StandardNormal(2), StudentT(4), StandardNormal(16)], ids=repr)
def test_independent_samples_are_at_self_energy_over_n_on_average(
    target: StandardNormal | StudentT,
) -> None:
    generator = seeded()
    found = torch.stack(
        [
            squared_distance_to(KERNEL, target.sample(5, generator=generator), target)
            for _ in range(500)
        ]
    )
    error = float(found.std()) / math.sqrt(500)
    # 4 standard errors fail for 1 seed in 16 000
    assert abs(float(found.mean()) - target.self_energy(KERNEL) / 5) < 4 * error


@pytest.mark.parametrize("dim", [1, 2, 8, 64])
def test_papers_latent_loss_is_the_distance_to_a_student_distribution(dim: int) -> None:
    # c_k0 and c_k1 as in the program of Turinici 2021, arXiv 1911.13135
    ratio = math.exp(math.lgamma((dim + 1) / 2) - math.lgamma(dim / 2))
    curvature = math.exp(math.lgamma((dim + 1) / 2) - math.lgamma(dim / 2 + 1)) / math.sqrt(2)
    c_k0, c_k1 = (math.sqrt(2) - 1) * ratio - 1 / curvature, 1 / curvature**2
    target, kernel = StudentT.approximating_normal(dim), HuberEnergy(1e-9)
    for seed in range(3):
        z = normal(6, dim, seed=seed) * (1 + seed)
        loss = (z.square().sum(1) + c_k1).sqrt().mean() + c_k0 - torch.cdist(z, z).mean() / 2
        difference = float(loss - squared_distance_to(kernel, z, target))
        # a
        assert difference == pytest.approx(c_k0 + target.self_energy(kernel), abs=2e-9)


def test_gradients_match_finite_differences() -> None:
    x = torch.tensor([[0.0, 0.0], [0.0, 0.0], [1.0, 2.0]], requires_grad=True)  # coincident points
    y = torch.tensor([[0.0, 0.0], [0.5, -1.0]], requires_grad=True)
    p = torch.tensor([0.2, 0.5, 0.3], requires_grad=True)
    q = torch.tensor([0.6, 0.4], requires_grad=True)

    def distance(x: Tensor, y: Tensor, p: Tensor, q: Tensor) -> Tensor:
        return squared_distance(SMOOTH, x, y, p, q)

    assert torch.autograd.gradcheck(distance, (x, y, p, q))
    for target in (StandardNormal(2), Empirical(y.detach())):
        assert torch.autograd.gradcheck(
            lambda x, target=target: squared_distance_to(SMOOTH, x, target), (x,)
        )
    target = StudentT(2, 200.0)  # wide enough for the closed form
    assert torch.autograd.gradcheck(lambda x: squared_distance_to(SMOOTH, x, target), (x,))


def test_accepts_bfloat16() -> None:
    x, y = normal(6, 3).bfloat16(), (normal(5, 3, seed=1) + 2).bfloat16()
    tolerance = 0.05  # 8 bits of terms of size 4
    between = squared_distance(KERNEL, x, y)
    assert float(between) == pytest.approx(
        float(squared_distance(KERNEL, x.double(), y.double())), abs=tolerance
    )
    to_target = squared_distance_to(KERNEL, x, StandardNormal(3))
    assert float(to_target) == pytest.approx(
        float(squared_distance_to(KERNEL, x.double(), StandardNormal(3))), abs=tolerance
    )


@pytest.mark.parametrize(
    ("x_shape", "y_shape"), [((3, 2), (3, 1)), ((0, 2), (3, 2)), ((3, 2), (0, 2)), ((3,), (3, 2))]
)
@pytest.mark.usefixtures("no_shape_checks")
def test_rejects_point_sets(x_shape: tuple[int, ...], y_shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"`(x|y|x` and `y)` must (have shape|be point sets)"):
        squared_distance(KERNEL, torch.ones(x_shape), torch.ones(y_shape))


@pytest.mark.parametrize(("num_x", "num_y"), [(4, 2), (3, 1)])
@pytest.mark.usefixtures("no_shape_checks")
def test_rejects_weights_of_another_number(num_x: int, num_y: int) -> None:
    with pytest.raises(ValueError, match=r"`[xy]_weights` must hold one weight per point"):
        squared_distance(
            KERNEL, normal(3, 1), normal(2, 1), torch.ones(num_x) / num_x, torch.ones(num_y) / num_y
        )


def test_rejects_unequal_totals() -> None:
    with pytest.raises(ValueError, match="must have the same total, got 2 and 1; scale one"):
        squared_distance(KERNEL, normal(2, 1), normal(3, 1), x_weights=torch.ones(2))


@pytest.mark.parametrize("shape", [(0, 2), (3, 1), (2,)])
@pytest.mark.usefixtures("no_shape_checks")
def test_rejects_points_that_do_not_fit_the_distribution(shape: tuple[int, ...]) -> None:
    match = r"`points` must have shape \(n, 2\) with n >= 1 for StandardNormal"
    with pytest.raises(ValueError, match=match):
        squared_distance_to(KERNEL, torch.ones(shape), StandardNormal(2))


def test_autocast_does_not_lower_the_precision() -> None:
    points = torch.randn(512, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float32)
    target, kernel = StandardNormal(8), HuberEnergy()
    exact = squared_distance_to(kernel, points, target)
    between = squared_distance(kernel, points, points[:100])
    with torch.autocast("cpu", torch.bfloat16):
        # bfloat16 has 8 bits: its rounding of the means, 2 to 4, would be of the size of d^2 itself
        assert torch.equal(squared_distance_to(kernel, points, target), exact)
        assert torch.equal(squared_distance(kernel, points, points[:100]), between)


def test_uniform_weights_do_not_wait_for_a_device() -> None:
    x = normal(8, 3).float()
    with NumbersAsked() as asked:
        squared_distance(KERNEL, x, x[:5])
    assert not asked.dtypes
    with NumbersAsked() as asked:
        squared_distance(KERNEL, x, x, x[:, 0], x[:, 0])
    assert asked.dtypes
