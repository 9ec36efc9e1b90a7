"""Latents leave the shields of other images."""

import pytest
import torch
from torch import Tensor

from benchmarks.rivals.repelled_latents import RepelledLatents
from benchmarks.rivals.repellency import batch_potential
from tests.benchmarks.rivals.linear_generator import LinearGenerator


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def moved(mover: RepelledLatents, latents: Tensor, past: Tensor, matrix: Tensor) -> Tensor:
    return mover(latents, past, LinearGenerator(matrix), 100, torch.Generator())


def test_points_leave_all_shields_on_their_sphere() -> None:
    latents = normal(4, 8)
    past = latents[:3] + 0.5 * normal(3, 8, seed=1)
    result = moved(RepelledLatents(2.0, 0.3), latents, past, torch.eye(8))
    distances = torch.cat([torch.cdist(result, past).flatten(), torch.pdist(result)])
    assert torch.cdist(latents, past).min() < 1.8
    assert distances.min() > 1.99
    torch.testing.assert_close(result.norm(dim=1), latents.norm(dim=1))


def test_two_points_stop_where_the_circle_leaves_the_shield() -> None:
    """The chord of length r of the unit circle spans the angle 2 asin(r / 2)."""
    latents, past = torch.tensor([[0.96, 0.28]]), torch.tensor([[1.0, 0.0]])
    result = moved(RepelledLatents(1.0, 0.3), latents, past, torch.eye(2))[0]
    assert float(torch.atan2(result[1], result[0])) == pytest.approx(torch.pi / 3, abs=1e-3)


def test_points_outside_of_all_shields_stay() -> None:
    latents = torch.tensor([[3.0, 0.0], [-3.0, 0.0], [-3.0, 0.1]])
    result = moved(RepelledLatents(1.0, 0.1), latents, torch.zeros(1, 2), torch.eye(2))
    assert torch.equal(result[0], latents[0])
    assert (result[1] - result[2]).norm() > 0.99


def test_the_potential_falls_through_a_decoder() -> None:
    latents, past, matrix = normal(8, 4), normal(20, 6, seed=1), normal(4, 6, seed=2)
    result = moved(RepelledLatents(3.0, 0.02), latents, past, matrix)
    before = batch_potential(latents @ matrix, past, 3.0)
    assert batch_potential(result @ matrix, past, 3.0) < 0.2 * before
