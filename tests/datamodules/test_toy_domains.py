"""Domains of five and ten modes: shares and spread of the modes, reproducible points."""

import pytest
import torch
from torch import Tensor

from datamodules import ToyDomains


def shares(points: Tensor, modes: Tensor, mode_std: float) -> Tensor:
    """Returns the share of points within five standard deviations of each mode."""
    return (torch.cdist(points, modes) < 5 * mode_std).float().mean(0)


def test_modes_are_equally_likely() -> None:
    data = ToyDomains(num_points=20_000)
    for points, modes in zip(data.read(train=True), (data.modes_a, data.modes_b), strict=True):
        each = shares(points, modes, data.mode_std)
        # 4.5 standard deviations of a share of at most 1/5; 4e-6 of a Gaussian is outside
        torch.testing.assert_close(each, torch.full_like(each, 1 / len(modes)), atol=0.013, rtol=0)
        assert each.sum() == pytest.approx(1, abs=1e-3)


def test_spread_of_a_mode() -> None:
    data = ToyDomains(num_points=50_000, mode_std=0.02)
    _, b = data.read(train=True)
    near = b[torch.cdist(b, data.modes_b[:1])[:, 0] < 0.2] - data.modes_b[0]
    # 5,000 points: the standard error of a standard deviation is 1 %
    assert near.std(0).tolist() == pytest.approx([0.02, 0.02], rel=0.05)


def test_modes_are_separate_points_of_two_circles() -> None:
    data = ToyDomains()
    for modes, count, radius in ((data.modes_a, 5, 1.0), (data.modes_b, 10, 2.0)):
        assert len(modes) == count
        assert modes.norm(dim=1).tolist() == pytest.approx([radius] * count)
        assert torch.pdist(modes).min() > 10 * data.mode_std


def test_points_depend_on_the_seed() -> None:
    first, again, other = (ToyDomains(num_points=50, seed=s).read(True)[0] for s in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert not torch.equal(ToyDomains(num_points=500).read(False)[0], first)


def test_serves_rows() -> None:
    data = ToyDomains(batch_size=90, num_points=100)
    data.setup("fit")
    ((a, b),) = data.train_dataloader()
    assert a.shape == b.shape == (90, 2)
    assert a.dtype == torch.float32
    assert data.image_shape == (2,)


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ({"num_points": 0}, "`num_points` must be at least 1, got 0"),
        ({"mode_std": 0.0}, r"`mode_std` must be > 0, got 0\.0"),
        ({"seed": -1}, "`seed` must be at least 0, got -1"),
    ],
)
def test_wrong_arguments(argument: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ToyDomains(**argument)
