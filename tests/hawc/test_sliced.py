"""The sliced distance: exact on the line, right on average elsewhere, cheap for long sets."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from torch import Tensor

import hawc.blocks
from hawc.distances import squared_distance
from hawc.kernels import HuberEnergy
from hawc.sliced import sliced_squared_distance

DISTANCE = HuberEnergy(1e-9)  # |x - y| up to a
LATTICE = st.integers(-8, 8).map(lambda i: i / 4)  # many points coincide


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=seeded(seed))


def sliced(x: Tensor, y: Tensor, num_slices: int = 1, seed: int = 0) -> Tensor:
    return sliced_squared_distance(x, y, num_slices=num_slices, generator=seeded(seed))


@st.composite
def weighted_points_on_the_line(draw: st.DrawFn) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    sizes = draw(st.integers(1, 8)), draw(st.integers(1, 8))
    x, y = (
        torch.from_numpy(draw(npst.arrays(np.float64, (n, 1), elements=LATTICE))) for n in sizes
    )
    p, q = (normal(n, seed=draw(st.integers(0, 2**31))) for n in sizes)
    return x, y, p, q + (p.sum() - q.sum()) / len(q)


@given(weighted_points_on_the_line())
def test_on_the_line_value_and_gradient_are_exact(
    sets: tuple[Tensor, Tensor, Tensor, Tensor],
) -> None:
    x, y, p, q = sets
    x.requires_grad_()
    y.requires_grad_()
    found = sliced_squared_distance(
        x, y, num_slices=3, generator=seeded(), x_weights=p, y_weights=q
    )
    exact = squared_distance(DISTANCE, x, y, p, q)
    # a and rounding, times the weights; coincident points do not act on each other in either
    scale = float(p.abs().sum() + q.abs().sum()) ** 2
    torch.testing.assert_close(found, exact, rtol=0, atol=2e-9 * scale)
    for gradient, expected in zip(
        torch.autograd.grad(found, (x, y)), torch.autograd.grad(exact, (x, y)), strict=True
    ):
        torch.testing.assert_close(gradient, expected, rtol=0, atol=1e-12 * (1 + scale))


@pytest.mark.parametrize("dim", [2, 8])
@pytest.mark.parametrize("signed", [False, True])
def test_is_the_distance_on_average_over_directions(dim: int, signed: bool) -> None:
    x, y = normal(12, dim), normal(7, dim, seed=1) + 0.5
    p, q = (normal(n, seed=n) + 1 if signed else torch.ones(n) for n in (12, 7))
    p, q = p / p.sum(), q / q.sum()
    generator = seeded()
    found = torch.stack(
        [
            sliced_squared_distance(
                x, y, num_slices=10, generator=generator, x_weights=p, y_weights=q
            )
            for _ in range(400)
        ]
    )
    exact = float(squared_distance(DISTANCE, x, y, p, q))
    error = float(found.std()) / math.sqrt(400)
    # 4 standard errors fail for 1 seed in 16 000
    assert abs(float(found.mean()) - exact) < 4 * error
    assert error < 0.02 * exact  # so a factor c_k forgotten would show


def test_gradient_is_that_of_its_value() -> None:
    x, y = normal(5, 3).requires_grad_(), normal(4, 3, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(lambda x, y: sliced(x, y, num_slices=6), (x, y))


@pytest.mark.parametrize("block_entries", [1, 250, 2**22])
def test_blocks_do_not_change_the_result(
    block_entries: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, y = normal(6, 3), normal(4, 3, seed=1)
    expected = sliced(x, y, num_slices=7)
    monkeypatch.setattr(hawc.blocks, "_BLOCK_ENTRIES", block_entries)
    # other order of summation
    torch.testing.assert_close(sliced(x, y, num_slices=7), expected, rtol=1e-13, atol=0)


def test_a_million_points_on_the_line() -> None:
    x = normal(1_000_000, 1).float().requires_grad_()
    y = normal(1_000_000, 1, seed=1).float() + 0.01
    found = sliced(x, y)
    found.backward()
    # int (Phi(t) - Phi(t - s))^2 dt = s^2 / (2 sqrt(pi)) for small s; samples add O(s / 1000)
    assert float(found.detach()) == pytest.approx(1e-4 / (2 * math.sqrt(math.pi)), rel=0.5)
    assert found.dtype == torch.float32
    # the mean of x moves against y's: the derivative of the above by s
    assert float(x.grad.sum()) == pytest.approx(-0.01 / math.sqrt(math.pi), rel=0.3)


def test_origin_does_not_matter_in_float32() -> None:
    x, y = normal(100, 2).float(), normal(100, 2, seed=1).float()
    far = torch.tensor([1024.0, -2048.0], dtype=torch.float32)
    near, moved = sliced(x, y, 50), sliced(x + far, y + far, 50)
    # the coordinates themselves lose 1e-4 when they are moved, which moves d^2 by a share of that
    assert float(moved) == pytest.approx(float(near), abs=1e-4)


def test_autocast_does_not_lower_the_precision() -> None:
    x, y = normal(200, 8).float(), normal(200, 8, seed=1).float()
    exact = sliced(x, y, 20)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(sliced(x, y, 20), exact)
    assert sliced(x.bfloat16(), y.bfloat16(), 20).dtype == torch.float32


def test_same_seed_gives_the_same_result() -> None:
    x, y = normal(9, 3), normal(8, 3, seed=1)
    assert torch.equal(sliced(x, y, 2, seed=5), sliced(x, y, 2, seed=5))
    assert not torch.equal(sliced(x, y, 2, seed=5), sliced(x, y, 2, seed=6))


def test_rejects_no_slices() -> None:
    with pytest.raises(ValueError, match="`num_slices` must be at least 1, got 0"):
        sliced(normal(3, 2), normal(3, 2), num_slices=0)


def test_rejects_weights_to_be_differentiated() -> None:
    weights = (torch.ones(3) / 3).requires_grad_()
    with pytest.raises(ValueError, match="`x_weights` and `y_weights` must not require a gradient"):
        sliced_squared_distance(
            normal(3, 2), normal(3, 2), num_slices=1, generator=seeded(), y_weights=weights
        )


def test_rejects_unequal_totals() -> None:
    with pytest.raises(ValueError, match="must have the same total, got 2 and 1; scale one"):
        sliced_squared_distance(
            normal(2, 2), normal(3, 2), num_slices=1, generator=seeded(), x_weights=torch.ones(2)
        )
