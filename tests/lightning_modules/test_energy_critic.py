"""The reconstruction error as a score."""

import math

import torch
from torch import Tensor, nn

from lightning_modules.energy_critic import EnergyCritic


class Constant(nn.Module):
    """A decoder that always makes the same grey."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self._value = value

    def forward(self, codes: Tensor) -> Tensor:
        return torch.full((len(codes), 1, 2, 2), self._value)


def test_energy_is_the_euclidean_norm_of_the_error() -> None:
    critic = EnergyCritic(nn.Flatten(), Constant(0.0), bounded=True)
    images = torch.tensor([[3.0, 0.0, 0.0, 4.0], [1.0, 1.0, 1.0, 1.0]]).view(2, 1, 2, 2)
    assert critic(images).tolist() == [[5.0], [2.0]]
    assert torch.equal(critic.energies(images, images.flatten(1)), critic(images))


def test_pictures_are_made_between_minus_one_and_one_and_rows_are_not() -> None:
    images = torch.zeros(1, 1, 2, 2)
    assert EnergyCritic(nn.Flatten(), Constant(50.0), bounded=True)(images).item() == 2
    assert EnergyCritic(nn.Flatten(), Constant(50.0), bounded=False)(images).item() == 100
    near = EnergyCritic(nn.Flatten(), Constant(0.5), bounded=True)(images).item()
    assert math.isclose(near, 2 * math.tanh(0.5), rel_tol=1e-6)


def test_a_perfect_reconstruction_has_a_finite_gradient() -> None:
    critic = EnergyCritic(nn.Flatten(), nn.Unflatten(1, (1, 2, 2)), bounded=False)
    images = torch.ones(1, 1, 2, 2, requires_grad=True)
    critic(images).sum().backward()
    assert images.grad is not None
    assert images.grad.isfinite().all()
