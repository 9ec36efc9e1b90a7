"""Bounds of a critic: against numeric derivatives, by hand, and under autocast."""

import pytest
import torch
from torch import Tensor, nn

from lightning_modules.penalties import clip_weights, gradient_penalty


def test_clips_in_place_and_only_what_is_outside() -> None:
    layer = nn.Linear(2, 1)
    layer.weight.data = torch.tensor([[0.5, -0.005]])
    layer.bias.data = torch.tensor([-3.0])
    kept = layer.weight
    clip_weights(layer.parameters(), 0.01)
    assert layer.weight is kept
    assert layer.weight.tolist() == torch.tensor([[0.01, -0.005]]).tolist()
    assert layer.bias.tolist() == torch.tensor([-0.01]).tolist()


def smooth_critic(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Flatten(), nn.Linear(12, 5), nn.Tanh(), nn.Linear(5, 1)).double()


def numeric_penalty(critic: nn.Module, points: Tensor, step: float = 1e-6) -> float:
    """The same penalty from central differences of the critic, coordinate by coordinate."""
    total = 0.0
    for point in points:
        squares = 0.0
        for place in range(point.numel()):
            moved = torch.zeros(point.numel(), dtype=point.dtype)
            moved[place] = step
            moved = moved.reshape(point.shape)
            with torch.no_grad():
                above, below = critic(torch.stack((point + moved, point - moved))).flatten()
            squares += float((above - below) / (2 * step)) ** 2
        total += (squares**0.5 - 1) ** 2
    return total / len(points)


def test_gradient_penalty_is_that_of_numeric_derivatives() -> None:
    critic, points = smooth_critic(), torch.randn(4, 3, 2, 2, dtype=torch.float64)
    # central differences of step 1e-6 in float64: about 1e-10
    expected = numeric_penalty(critic, points)
    assert gradient_penalty(critic, points).item() == pytest.approx(expected, rel=1e-7)


def test_its_gradient_in_the_critic_s_weights_is_the_numeric_one() -> None:
    critic, points = smooth_critic(), torch.randn(4, 3, 2, 2, dtype=torch.float64)
    gradient_penalty(critic, points).backward()
    step = 1e-6
    for weight in (critic[1].weight, critic[1].bias, critic[3].weight):
        flat = weight.detach().view(-1)
        for place in range(len(flat)):
            kept = flat[place].item()
            flat[place] = kept + step
            above = gradient_penalty(critic, points).item()
            flat[place] = kept - step
            below = gradient_penalty(critic, points).item()
            flat[place] = kept
            found = weight.grad.view(-1)[place].item()
            # 1e-16 / step is lost in the difference, and step^2 of the curvature
            assert found == pytest.approx((above - below) / (2 * step), rel=1e-5, abs=1e-8)
    assert critic[3].bias.grad is None  # a constant has no slope


def test_the_norm_is_over_all_coordinates_of_a_picture() -> None:
    def critic(pictures: Tensor) -> Tensor:
        return (pictures * slope).flatten(1).sum(1, keepdim=True)

    slope = torch.zeros(3, 4, 5)
    slope[:, 0, 0] = torch.tensor([2.0, 3.0, 6.0])  # of norm 7; channels one by one: 2, 3, 6
    assert gradient_penalty(critic, torch.randn(2, 3, 4, 5)).item() == pytest.approx(36.0)


@pytest.mark.parametrize(("slope", "expected"), [(0.0, 1.0), (0.5, 0.25), (1.0, 0.0), (3.0, 4.0)])
def test_both_sides_are_punished_and_a_flat_critic_gives_no_nan(
    slope: float, expected: float
) -> None:
    critic = nn.Linear(1, 1)
    nn.init.constant_(critic.weight, slope)
    penalty = gradient_penalty(critic, torch.randn(6, 1))
    penalty.backward()
    assert penalty.item() == pytest.approx(expected)
    assert critic.weight.grad.isfinite().all()


def test_points_get_no_gradient() -> None:
    points = torch.randn(3, 12, requires_grad=True)
    gradient_penalty(smooth_critic().float(), points).backward()
    assert points.grad is None


def test_autocast_is_left() -> None:
    critic, points = smooth_critic(), torch.randn(64, 12)
    expected = numeric_penalty(critic, points.double())
    critic.float()
    with torch.autocast("cpu", torch.bfloat16):
        assert critic(points).dtype == torch.bfloat16
        found = gradient_penalty(critic, points)
    assert found.dtype == torch.float32
    assert found.item() == pytest.approx(expected, rel=1e-5)  # bfloat16 has 1e-2 to 1e-3


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_dtype_is_the_critic_s(dtype: torch.dtype) -> None:
    critic = smooth_critic().to(dtype)
    assert gradient_penalty(critic, torch.randn(3, 12, dtype=dtype)).dtype == dtype
