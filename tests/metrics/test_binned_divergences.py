import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from hawc.divergences import normals
from hawc.targets import Normal
from metrics import BinnedDivergences


def measured(real: Tensor, fake: Tensor, **arguments: Any) -> dict[str, float]:
    metric = BinnedDivergences(**arguments)
    for part in real.split(7):
        metric.update(part, real=True)
    metric.update(fake, real=False)
    return {name: float(value) for name, value in metric.compute().items()}


def test_by_hand_in_the_plane() -> None:
    # four bins: real in two of them, generated in one of these and another
    real = torch.tensor([[-1.0, -1.0], [1.0, 1.0]])
    fake = torch.tensor([[-5.0, -0.1], [1.0, -9.0]])  # outer points count in the outermost bins
    values = measured(real, fake, num_bins=2)
    assert values["total_variation"] == 0.5
    assert values["kl"] == values["reverse_kl"] == math.inf
    assert values["jensen_shannon"] == pytest.approx(0.5 * math.log(2), abs=1e-12)
    assert set(measured(real, real.flip(0), num_bins=2).values()) == {0.0}


class NoWholeProducts(TorchDispatchMode):
    """Refuses products of matrices of whole numbers, as CUDA does."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in (torch.ops.aten.mv.default, torch.ops.aten.mm.default):
            assert args[0].is_floating_point()
        return func(*args, **(kwargs or {}))


def test_all_operations_exist_on_cuda() -> None:
    points = torch.rand(5, 2)
    with NoWholeProducts():
        measured(points, points)


def test_kl_is_of_the_real_distribution_to_the_generated_one() -> None:
    values = measured(torch.tensor([[0.5]]), torch.tensor([[-0.5], [0.5]]), num_bins=2)
    assert values["kl"] == pytest.approx(math.log(2), abs=1e-12)
    assert values["reverse_kl"] == math.inf


def test_normal_distributions_within_standard_errors() -> None:
    generator, n = torch.Generator().manual_seed(0), 100_000
    p, q = Normal(torch.tensor([0.0]), 1.0), Normal(torch.tensor([0.5]), 1.0)
    points = [distribution.sample(n, generator=generator) for distribution in (p, q)]
    values = measured(*points, low=-3.0, high=3.5, num_bins=33)
    # the log ratio has a standard deviation of 0.5; bins of 0.2 lose a share of 0.2^2 / 12
    tolerance = 4 * 0.5 / math.sqrt(n) + 33 / n + 0.2**2 / 12 * 0.125
    assert values["kl"] == pytest.approx(normals.kl(p, q), abs=tolerance)
    assert values["jensen_shannon"] == pytest.approx(normals.jensen_shannon(p, q), abs=tolerance)
    # shares of bins: four standard errors of sqrt(1 / n)
    assert values["total_variation"] == pytest.approx(
        normals.total_variation(p, q), abs=4 / math.sqrt(n)
    )


def test_points_far_beyond_the_ends_are_in_the_outermost_bins() -> None:
    for far in (1e20, 1e37):  # beyond int64
        values = measured(torch.tensor([[far]]), torch.tensor([[1.9], [-1.9]]), num_bins=2)
        assert values["kl"] == pytest.approx(math.log(2), abs=1e-12)
        upper = measured(torch.tensor([[far]]), torch.tensor([[1.9]]), num_bins=2)
        lower = measured(torch.tensor([[-far]]), torch.tensor([[-1.9]]), num_bins=2)
        assert upper["total_variation"] == lower["total_variation"] == 0


@pytest.mark.parametrize(
    "wrong",
    [{"low": 2.0}, {"num_bins": 0}, {"low": -math.inf}, {"high": math.inf}, {"low": math.nan}],
)
def test_wrong_bins_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"`(low|num_bins)` must be"):
        BinnedDivergences(**wrong)


def test_more_than_two_coordinates_are_refused() -> None:
    points = torch.zeros(2, 3)
    with pytest.raises(ValueError, match="at most 2 coordinates for bins, got 3; use Wasserstein1"):
        measured(points, points)
