"""Every dtype and layout, modes far from each other, and torch's defaults."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from hawc import (
    Empirical,
    FeatureSampler,
    HistoryAwareSampler,
    IndependentSampler,
    SobolSampler,
    StandardNormal,
    compress,
)
from hawc.compression import Deterministic
from hawc.distances import squared_distance, squared_distance_to
from hawc.divergences import transport
from hawc.kernels import Energy, HuberEnergy, Quotient
from hawc.samplers import AbstractSampler
from hawc.sliced import sliced_squared_distance
from hawc.targets import GaussianMixture, Normal, StudentT, UniformCube
from tests.hawc.properties.cases import TARGETS, cloud, seeded

VALUES = torch.randint(0, 2, (12, 3), generator=torch.Generator().manual_seed(0))
BYTES = torch.randint(0, 256, (12, 3), generator=torch.Generator().manual_seed(0))
SINGLE = (torch.float16, torch.bfloat16, torch.float32)


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        *((VALUES, dtype) for dtype in (torch.bool, torch.int8, *SINGLE)),
        *((BYTES, dtype) for dtype in (torch.uint8, torch.int16, torch.int64, *SINGLE)),
    ],
)
def test_kinds_of_numbers_do_not_matter(values: Tensor, dtype: torch.dtype) -> None:
    given, exact = values.to(dtype), values.double()
    rel = 1e-5 if dtype.is_floating_point else 1e-12  # float32's rounding, float64's
    other = cloud(5, 3).to(torch.float32 if dtype.is_floating_point else torch.float64)
    for same in (given, given if dtype == torch.bfloat16 else given.numpy()):
        for kernel in (Energy(), Quotient()):
            target = Empirical(same)
            assert repr(target) == repr(Empirical(exact))
            assert target.self_energy(kernel) == pytest.approx(
                Empirical(exact).self_energy(kernel), rel=1e-6
            )
            assert float(squared_distance(kernel, same, other)) == pytest.approx(
                float(squared_distance(kernel, exact, other)), rel=rel
            )
            for target in (
                StandardNormal(3),
                Normal([0, 0, 0], 1.0),
                StudentT(3),
                UniformCube(3),
            ):
                h = kernel if not isinstance(target, StudentT) else HuberEnergy()
                torch.testing.assert_close(
                    target.potential(h)(same).double(),
                    target.potential(h)(exact),
                    rtol=rel,
                    atol=0,
                )
                assert float(squared_distance_to(h, same, target)) == pytest.approx(
                    float(squared_distance_to(h, exact, target)), rel=rel
                )


def test_whole_numbers_against_their_own_distribution() -> None:
    values = torch.randint(1, 6, (500, 12), generator=torch.Generator().manual_seed(0))
    found = squared_distance_to(Energy(), values[:20].double(), Empirical(values))
    assert float(found) == pytest.approx(0.1340, abs=5e-5)
    exact = np.linalg.norm(values[:, None].numpy() - values.numpy(), axis=2)
    by_hand = exact[:20].mean() - 0.5 * exact[:20, :20].mean() - 0.5 * exact.mean()
    # each point counts as 1e-7 away from itself, as sums over many points have it
    assert float(found) == pytest.approx(by_hand, rel=1e-8)


def test_layouts_do_not_matter() -> None:
    wide = cloud(20, 6)
    array = wide.numpy()
    strided = [wide[::2, ::2], array[::2, ::2], wide[::2, ::2].tolist()]
    reverse = [wide.flip(0)[:, ::2], array[::-1, ::2], np.asfortranarray(array)[::-1, ::2]]
    x, y = strided[0].contiguous(), reverse[0].contiguous()
    expected = squared_distance(Energy(), x, y)
    for given, other in zip(strided, [*reverse[:2], reverse[2]], strict=True):
        assert torch.equal(squared_distance(Energy(), given, other), expected)
        assert repr(Empirical(given)) == repr(Empirical(x))
        assert torch.equal(
            squared_distance_to(Energy(), other, Empirical(given)),
            squared_distance_to(Energy(), y, Empirical(x)),
        )
        found = compress(StandardNormal(3), 2, history=given, generator=seeded())
        assert torch.equal(
            found.points, compress(StandardNormal(3), 2, history=x, generator=seeded()).points
        )


def test_precisions_are_promoted() -> None:
    x, y = cloud(6, 2).float(), cloud(7, 2, seed=2)
    expected = squared_distance(Energy(), x.double(), y)
    assert torch.equal(squared_distance(Energy(), x, y), expected)
    assert torch.equal(squared_distance(Energy(), y, x), squared_distance(Energy(), y, x.double()))
    weights = [1, 2, 3, 4, 5, 6]
    total = float(squared_distance(Energy(), x, x.flip(0), weights, np.array(weights[::-1])))
    assert total == pytest.approx(0, abs=1e-6)  # rounding, of 441 times a distance
    for p in (torch.full((6,), 1 / 6), [1 / 6] * 6, np.full(6, 1 / 6)):
        found = squared_distance_to(Energy(), x, StandardNormal(2), weights=p)
        assert found.dtype == torch.float64
        assert float(found) == pytest.approx(
            float(squared_distance_to(Energy(), x, StandardNormal(2))), rel=1e-6
        )


@pytest.mark.parametrize("gap", [1.0, 1e2, 1e4, 1e6, 1e8])
@pytest.mark.parametrize("dim", [3, 16])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_far_modes_keep_near_distances(gap: float, dim: int, dtype: torch.dtype) -> None:
    points = cloud(400, dim).to(dtype)
    points[::2] += gap
    target = Empirical(points)
    x = (points[:6].double() + 0.1 * cloud(6, dim, seed=2)).to(dtype).double()
    differences = x[:, None] - points.double()
    lengths = differences.norm(dim=2)
    within = points.double()[:, None] - points.double()
    own = (x[:, None] - x).norm(dim=2).mean()
    exact = lengths.mean() - 0.5 * own - 0.5 * within.norm(dim=2).mean()
    # float64's digits of distances as long as the gap
    rounding = 1e-15 * gap
    assert float(squared_distance_to(Energy(), x, target)) == pytest.approx(
        float(exact), rel=1e-6, abs=rounding
    )
    _, slopes = target.potential_and_gradient(Energy())(x)
    # float32 makes some points coincide: 0 / 0
    direction = (differences / lengths[:, :, None]).nan_to_num(0).mean(1)
    torch.testing.assert_close(slopes, direction, rtol=0, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_batch_lowers_the_distance_of_a_long_history_in_far_modes(dtype: torch.dtype) -> None:
    history = cloud(4200, 16).to(dtype)
    history[:2086] += 2500.0  # a distance of 1e4 in 16 coordinates; fourteen less than a half
    target = GaussianMixture(None, torch.stack([torch.zeros(16), torch.full((16,), 2500.0)]), 1.0)
    found = compress(
        target, 28, history=history, solver=Deterministic(restarts=1), generator=seeded()
    )
    before = float(squared_distance_to(Energy(), history.double(), target))
    everything = torch.cat([history.double(), found.points.double()])
    assert float(squared_distance_to(Energy(), everything, target)) < before
    assert found.converged


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_results_do_not_depend_on_the_default_dtype(dtype: torch.dtype) -> None:
    x = cloud(5, 2)
    torch.set_default_dtype(dtype)  # put back by the package's fixture
    found = [float(squared_distance_to(Energy(), x, make(1.0, 0.0))) for make in TARGETS.values()]
    points = compress(TARGETS["mixture"](1.0, 0.0), 5, history=x, generator=seeded()).points
    torch.set_default_dtype(torch.float64)
    expected = [
        float(squared_distance_to(Energy(), x, make(1.0, 0.0))) for make in TARGETS.values()
    ]
    assert found == expected
    chosen = compress(TARGETS["mixture"](1.0, 0.0), 5, history=x, generator=seeded()).points
    assert torch.equal(points, chosen.to(dtype))


SAMPLERS: dict[str, Callable[[], AbstractSampler]] = {
    "independent": lambda: IndependentSampler(TARGETS["mixture"](1.0, 0.0)),
    "sobol": lambda: SobolSampler(StandardNormal(2)),
    "history-aware": lambda: HistoryAwareSampler(TARGETS["full"](1.0, 0.0)),
    "features": lambda: by_features(num_steps=0),
    "descent": lambda: by_features(min_distance=0.0),
}


def by_features(**options: Any) -> FeatureSampler:
    data = Empirical(cloud(50, 2))
    return FeatureSampler(
        StandardNormal(2), decode=torch.sin, features=lambda x: x, data=data, **options
    )


@pytest.mark.parametrize("name", SAMPLERS)
def test_samplers_choose_the_same_under_every_default_dtype(name: str) -> None:
    def batches() -> Tensor:
        sampler, generator = SAMPLERS[name](), seeded()
        return torch.cat([sampler.sample(8, generator=generator) for _ in range(2)])

    expected = batches()
    torch.set_default_dtype(torch.float32)  # put back by the package's fixture
    # stages and history round to float32, and the descents amplify it, most where a penalty begins
    torch.testing.assert_close(batches().double(), expected, rtol=0, atol=1e-3)


def test_results_do_not_depend_on_the_default_device() -> None:
    x = cloud(5, 2)

    def everything(x: Any) -> list[float]:
        kernel = Quotient(0.5, 0.123)  # of which nothing is remembered yet the first time
        values = [
            float(squared_distance_to(kernel, x, make(1.0, 0.0))) for make in TARGETS.values()
        ]
        sampler, generator = HistoryAwareSampler(TARGETS["mixture"](1.0, 0.0)), seeded()
        for _ in range(2):
            sampler.sample(3, generator=generator)
        assert sampler.history.points().device.type == "cpu"
        sliced = sliced_squared_distance(x, x + 1, num_slices=3, generator=generator)
        return [*values, *sampler.history.points().flatten().tolist(), float(sliced)]

    with torch.device("meta"):
        found = everything(x)
    assert found == everything(x)


def test_no_input_is_changed_or_kept() -> None:
    x, y, p = cloud(12, 10), cloud(9, 10), torch.full((12,), 1 / 12)
    before = [tensor.clone() for tensor in (x, y, p)]
    target, kernel = Empirical(x, p), HuberEnergy()
    squared_distance(kernel, x, y, p)
    squared_distance_to(kernel, x, target, p)
    sliced_squared_distance(x, y, num_slices=2, generator=seeded())
    transport.wasserstein_1(x, y, p)
    compress(target, 3, history=y, start=x[:3], generator=seeded())
    for tensor, copy in zip((x, y, p), before, strict=True):
        assert torch.equal(tensor, copy)
    energy = target.self_energy(kernel)
    x += 1
    p[0] = 5
    assert target.self_energy(kernel) == energy
