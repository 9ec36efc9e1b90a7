"""What public functions refuse, by the name of the argument."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from hawc import (
    Deterministic,
    Empirical,
    Energy,
    HistoryAwareSampler,
    MemoryHistory,
    Normal,
    SobolSampler,
    StandardNormal,
    Stochastic,
    StudentT,
    UniformCube,
    compress,
    sliced_squared_distance,
    squared_distance,
    squared_distance_to,
    unbiased_squared_distance,
    unbiased_squared_distance_to,
)
from hawc.divergences import entropic, transport

pytestmark = pytest.mark.usefixtures("no_shape_checks")
PLANE, POINTS = StandardNormal(2), [[0.0, 1.0], [2.0, 3.0]]


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


WHOLE: list[tuple[str, Callable[[Any], object]]] = [
    ("dim", StandardNormal),
    ("dim", StudentT),
    ("dim", UniformCube),
    ("dim", MemoryHistory),
    ("size", lambda k: compress(PLANE, k, generator=seeded())),
    ("n", lambda k: HistoryAwareSampler(PLANE).sample(k, generator=seeded())),
    ("window", lambda k: HistoryAwareSampler(PLANE, window=k)),
    ("seed", lambda k: SobolSampler(PLANE, seed=k)),
    ("restarts", lambda k: Deterministic(restarts=k)),
    ("max_iterations", lambda k: Deterministic(max_iterations=k)),
    ("steps", lambda k: Stochastic(steps=k)),
    ("batch_size", lambda k: Stochastic(batch_size=k)),
    (
        "num_slices",
        lambda k: sliced_squared_distance(POINTS, POINTS, num_slices=k, generator=seeded()),
    ),
    ("iterations", lambda k: entropic.entropic_transport(POINTS, POINTS, iterations=k)),
]


@pytest.mark.parametrize("wrong", [3.0, 2.5, True, "3", np.True_])
@pytest.mark.parametrize(("name", "call"), WHOLE)
def test_numbers_that_are_not_whole(
    name: str, call: Callable[[Any], object], wrong: object
) -> None:
    with pytest.raises(ValueError, match=f"`{name}` must be a whole number of at least"):
        call(wrong)


def test_numbers_of_numpy_are_whole() -> None:
    assert repr(StandardNormal(np.int64(3))) == "StandardNormal(dim=3)"
    assert compress(PLANE, np.int64(2), generator=seeded()).points.shape == (2, 2)


POINT_TAKERS: list[tuple[str, Callable[[Any], object]]] = [
    ("x", lambda x: squared_distance(Energy(), x, POINTS)),
    ("y", lambda y: squared_distance(Energy(), POINTS, y)),
    ("x_weights", lambda p: squared_distance(Energy(), POINTS, POINTS, p)),
    ("y", lambda y: unbiased_squared_distance(Energy(), POINTS, y)),
    ("points", lambda x: squared_distance_to(Energy(), x, PLANE)),
    ("weights", lambda p: squared_distance_to(Energy(), POINTS, PLANE, p)),
    ("points", lambda x: unbiased_squared_distance_to(Energy(), x, PLANE)),
    ("x", lambda x: sliced_squared_distance(x, POINTS, num_slices=1, generator=seeded())),
    ("x", lambda x: Energy()(x, POINTS)),
    ("x", lambda x: PLANE.potential(Energy())(x)),
    ("x", lambda x: Normal([0.0, 0.0], 1.0).log_density(x)),
    ("points", Empirical),
    ("weights", lambda p: Empirical(POINTS, p)),
    ("mean", lambda m: Normal(m, 1.0)),
    ("history", lambda x: compress(PLANE, 2, history=x, generator=seeded())),
    ("start", lambda x: compress(PLANE, 2, start=x, generator=seeded())),
    ("x", lambda x: transport.wasserstein_1(x, POINTS)),
    ("p", lambda p: transport.optimal_plan(POINTS, p, [1.0, 1.0])),
]


@pytest.mark.parametrize("wrong", [torch.ones(2, 2) * 1j, "points", [["a", "b"]], object()])
@pytest.mark.parametrize(("name", "call"), POINT_TAKERS)
def test_points_that_are_no_real_numbers(
    name: str, call: Callable[[Any], object], wrong: object
) -> None:
    with pytest.raises(ValueError, match=f"`{name}` must hold real numbers"):
        call(wrong)


@pytest.mark.parametrize("wrong", [0, None, np.random.default_rng(0)])
@pytest.mark.parametrize(
    "call",
    [
        lambda g: compress(PLANE, 2, generator=g),
        lambda g: HistoryAwareSampler(PLANE).sample(2, generator=g),
        lambda g: sliced_squared_distance(POINTS, POINTS, num_slices=1, generator=g),
        lambda g: PLANE.sample(2, generator=g),
    ],
)
def test_generators_that_are_none(call: Callable[[Any], object], wrong: object) -> None:
    with pytest.raises(ValueError, match=r"`generator` must be a torch\.Generator, got"):
        call(wrong)
