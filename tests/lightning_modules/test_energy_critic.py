"""The reconstruction error as a score."""

import math

import torch
from torch import Tensor, nn

from lightning_modules.energy_critic import EnergyCritic

SHAPE = (1, 2, 2)


class Constant(nn.Module):
    """A decoder that always makes the same grey."""

    def __init__(self, value: float, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self._value, self._dtype = value, dtype

    def forward(self, codes: Tensor) -> Tensor:
        return torch.full((len(codes), 1, 2, 2), self._value, dtype=self._dtype)


def test_energy_is_the_euclidean_norm_of_the_error() -> None:
    critic = EnergyCritic(nn.Flatten(), Constant(0.0), SHAPE)
    images = torch.tensor([[3.0, 0.0, 0.0, 4.0], [1.0, 1.0, 1.0, 1.0]]).view(2, 1, 2, 2)
    assert critic(images).tolist() == [[5.0], [2.0]]
    assert torch.equal(critic.energies(images, images.flatten(1)), critic(images))


def test_pictures_are_made_between_minus_one_and_one_and_rows_are_not() -> None:
    images = torch.zeros(1, 1, 2, 2)
    assert EnergyCritic(nn.Flatten(), Constant(50.0), SHAPE)(images).item() == 2
    assert EnergyCritic(nn.Flatten(), Constant(50.0), (4,))(images).item() == 100
    near = EnergyCritic(nn.Flatten(), Constant(0.5), SHAPE)(images).item()
    assert math.isclose(near, 2 * math.tanh(0.5), rel_tol=1e-6)


def test_half_precision_is_left_before_digits_are_lost() -> None:
    half = torch.bfloat16
    images = torch.full((1, 1, 2, 2), 0.3984375, dtype=half)
    near = EnergyCritic(nn.Flatten(), Constant(100.0, half), (4,))(images)
    assert near.dtype == torch.float32
    assert near.item() == 2 * (100 - 0.3984375)  # of half precision 2 * 99.5
    bounded = EnergyCritic(nn.Flatten(), Constant(0.5, half), SHAPE)(0 * images).item()
    assert math.isclose(bounded, 2 * math.tanh(0.5), rel_tol=1e-6)
    doubles = EnergyCritic(nn.Flatten(), Constant(0.5, torch.float64), SHAPE)(images.double())
    assert doubles.dtype == torch.float64


def test_a_perfect_reconstruction_has_a_finite_gradient() -> None:
    critic = EnergyCritic(nn.Flatten(), nn.Unflatten(1, (1, 2, 2)), (4,))
    images = torch.ones(1, 1, 2, 2, requires_grad=True)
    critic(images).sum().backward()
    assert images.grad is not None
    assert images.grad.isfinite().all()
