"""The force of SPELL and its potential."""

import pytest
import torch
from torch import Tensor

from benchmarks.rivals import repellency

RADIUS = 2.0


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def numeric_gradient(x: Tensor, others: Tensor, step: float = 1e-5) -> Tensor:
    result = torch.zeros_like(x)
    for i in range(x.shape[1]):
        shift = torch.zeros_like(x)
        shift[:, i] = step
        upper = repellency.shield_potential(x + shift, others, RADIUS)
        result[:, i] = upper - repellency.shield_potential(x - shift, others, RADIUS)
    return result / (2 * step)


@pytest.mark.parametrize("k", [0, 1, 7])
def test_force_is_minus_the_numeric_gradient(k: int) -> None:
    x, others = normal(6, 3), normal(k, 3, seed=1)
    force = repellency.shield_force(x, others, RADIUS)
    torch.testing.assert_close(force, -numeric_gradient(x, others), atol=1e-6, rtol=0)
    assert bool(force.any()) == (k > 0)


def test_force_is_the_formula_of_the_authors() -> None:
    x, y = normal(1, 3), normal(1, 3, seed=1)
    distance = (x - y).norm()
    expected = torch.relu(2 * distance / distance - 1) * (x - y)
    torch.testing.assert_close(repellency.shield_force(x, y, 2 * float(distance)), expected)


def test_one_force_leads_onto_the_sphere_and_none_acts_outside() -> None:
    y = normal(1, 3)
    x = y + torch.tensor([[0.1, 0.2, 0.3]]).double()
    moved = x + repellency.shield_force(x, y, RADIUS)
    assert float((moved - y).norm()) == pytest.approx(RADIUS)
    outside = y + torch.tensor([[2.1, 0.0, 0.0]]).double()
    assert not repellency.shield_force(outside, y, RADIUS).any()
    assert not repellency.shield_potential(outside, y, RADIUS).any()


def test_a_copy_has_no_force_and_a_near_copy_a_finite_one() -> None:
    x = torch.zeros(4, 3)
    x[1:, 0] = torch.tensor([1e-30, 1e-19, 1e-10])
    force = repellency.shield_force(x, torch.zeros(1, 3), 100.0)
    assert not force[0].any()
    assert (force.norm(dim=1) < 100.01).all()
    torch.testing.assert_close(force[3], torch.tensor([100.0, 0.0, 0.0]))


def test_forces_within_a_batch_are_those_of_the_other_images() -> None:
    x, past = normal(5, 3).requires_grad_(), normal(4, 3, seed=1)
    potential = repellency.batch_potential(x, past, RADIUS)
    (gradient,) = torch.autograd.grad(potential, x)
    rows = x.detach()
    everything = torch.cat([rows, past])
    for i in range(5):
        others = everything[torch.arange(9) != i]
        force = repellency.shield_force(rows[i : i + 1], others, RADIUS)[0]
        torch.testing.assert_close(gradient[i], -force)
    pairs = sum(
        float(repellency.shield_potential(rows[i : i + 1], everything[i + 1 :], RADIUS))
        for i in range(5)
    )
    assert float(potential.detach()) == pytest.approx(pairs)
