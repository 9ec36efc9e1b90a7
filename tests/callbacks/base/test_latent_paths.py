"""Ends, lengths and speed of paths, and vectors that determine no circle."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from callbacks.base.latent_paths import linear_path, spherical_path

seeds = st.integers(0, 1000)
dims = st.integers(2, 20)


def pair(seed: int, dim: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    start, end = torch.randn(2, 4, dim, generator=generator, dtype=torch.float64)
    return start, end


@given(seeds, dims)
@pytest.mark.parametrize("path", [linear_path, spherical_path])
def test_ends_are_the_latents(path: type, seed: int, dim: int) -> None:
    start, end = pair(seed, dim)
    points = path(start, end, 7)
    assert points.shape == (4, 7, dim)
    torch.testing.assert_close(points[:, 0], start)
    torch.testing.assert_close(points[:, -1], end)


@given(seeds, dims)
def test_spherical_lengths_are_linear_and_the_speed_is_constant(seed: int, dim: int) -> None:
    start, end = pair(seed, dim)
    points = spherical_path(start, end, 6)
    lengths = points.norm(dim=2)
    expected = torch.lerp(
        start.norm(dim=1), end.norm(dim=1), torch.linspace(0, 1, 6)[:, None].double()
    )
    torch.testing.assert_close(lengths, expected.T)
    directions = points / lengths[..., None]
    steps = (directions[:, 1:] - directions[:, :-1]).norm(dim=2)
    torch.testing.assert_close(steps, steps[:, :1].expand_as(steps), rtol=1e-6, atol=1e-9)


def test_a_quarter_circle_by_hand() -> None:
    start, end = torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 2.0]])
    half = math.sqrt(2)
    expected = torch.tensor([[[2.0, 0.0], [half, half], [0.0, 2.0]]])
    torch.testing.assert_close(spherical_path(start, end, 3), expected)
    expected = torch.tensor([[[2.0, 0.0], [1.0, 1.0], [0.0, 2.0]]])
    torch.testing.assert_close(linear_path(start, end, 3), expected)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ([1.0, 2.0], [3.0, 6.0]),  # one direction
        ([1.0, 2.0], [-2.0, -4.0]),  # opposite ones
        ([0.0, 0.0], [1.0, 2.0]),
        ([1.0, 2.0], [0.0, 0.0]),
        ([0.0, 0.0], [0.0, 0.0]),
        ([1.0, 2.0], [1.0, 2.0]),
        ([1.5], [-0.5]),  # one dimension
    ],
)
def test_without_a_circle_the_path_is_straight(start: list[float], end: list[float]) -> None:
    one, other = torch.tensor([start]), torch.tensor([end])
    assert torch.equal(spherical_path(one, other, 5), linear_path(one, other, 5))


def test_nearly_parallel_latents_stay_near_the_line() -> None:
    start = torch.tensor([[1.0, 0.0]])
    for angle in (1e-3, 1e-5, 1e-7):
        end = torch.tensor([[math.cos(angle), math.sin(angle)]])
        # the arc is at most 1 - cos(angle / 2) away from its chord
        torch.testing.assert_close(
            spherical_path(start, end, 9), linear_path(start, end, 9), rtol=0, atol=1e-6
        )
