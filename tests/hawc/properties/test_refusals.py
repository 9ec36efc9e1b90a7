"""Refusals of public functions, by the name of the argument."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hawc import (
    DatabaseHistory,
    Empirical,
    FeatureSampler,
    HistoryAwareSampler,
    IndependentSampler,
    MemoryHistory,
    SobolSampler,
    StandardNormal,
    compress,
    select,
)
from hawc.compression import CompressionProblem, Deterministic, Stochastic, Typical
from hawc.distances import (
    squared_distance,
    squared_distance_to,
    unbiased_squared_distance,
    unbiased_squared_distance_to,
)
from hawc.divergences import entropic, transport
from hawc.history import export_history, import_history
from hawc.kernels import Energy, HuberEnergy, Power, Quotient
from hawc.samplers import LatentsWithFeatures
from hawc.sliced import sliced_squared_distance
from hawc.spacing import spacing
from hawc.targets import GaussianMixture, Normal, StudentT, UniformCube

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
    ("n", lambda k: select(POINTS, k)),
    ("num_images", lambda k: spacing(POINTS, 0.5, k)),
    ("window", lambda k: HistoryAwareSampler(PLANE, window=k)),
    ("seed", lambda k: SobolSampler(PLANE, seed=k)),
    ("num_candidates", lambda k: Typical(num_candidates=k)),
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
    ("features", lambda x: select(x, 1)),
    ("history", lambda x: select(POINTS, 1, history=x)),
    ("data", lambda x: select(POINTS, 1, data=x)),
    ("quality", lambda q: select(POINTS, 1, quality=q)),
    ("points", lambda x: spacing(x, 0.5)),
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
    ],
)
def test_anything_but_a_generator(call: Callable[[Any], object], wrong: object) -> None:
    with pytest.raises(ValueError, match=r"`generator` must be a torch\.Generator, got"):
        call(wrong)


def by_features(**arguments: Any) -> FeatureSampler:
    given = {"prior": PLANE, "data": PLANE, **arguments}
    return FeatureSampler(decode=lambda z: z, features=lambda x: x, **given)


def gallery_of(target: Any) -> DatabaseHistory:
    return DatabaseHistory("sqlite:///refused.db", target, create=True)


TARGETS: list[tuple[str, Callable[[Any], object]]] = [
    ("target", lambda t: compress(t, 3, generator=seeded())),
    ("target", lambda t: CompressionProblem(t, 3, torch.empty(0, 2))),
    ("target", lambda t: squared_distance_to(Energy(), POINTS, t)),
    ("target", lambda t: unbiased_squared_distance_to(Energy(), POINTS, t)),
    ("target", HistoryAwareSampler),
    ("target", IndependentSampler),
    ("target", SobolSampler),
    ("target", lambda t: gallery_of("a text" if t is None else t)),  # None is the recorded one
    ("prior", lambda t: by_features(prior=t)),
    ("prior", lambda t: LatentsWithFeatures(t, PLANE)),
    # None is the generator's own distribution
    ("data", lambda t: by_features(data="a text" if t is None else t)),
    ("data", lambda t: LatentsWithFeatures(PLANE, t)),
]


@pytest.mark.parametrize("wrong", [torch.rand(5, 2), np.zeros((5, 2)), POINTS, Normal, None])
@pytest.mark.parametrize(("name", "call"), TARGETS)
def test_points_and_classes_where_a_target_is_wanted(
    name: str, call: Callable[[Any], object], wrong: object
) -> None:
    instead = r"Normal\(\.\.\.\)|hawc\.Empirical\(points\)"
    required = r"a (target|hawc\.targets\.AbstractTarget)"
    with pytest.raises(ValueError, match=rf"`{name}` must be {required}.*, got .*; .*({instead})"):
        call(wrong)


HISTORIES: list[Callable[[Any], object]] = [
    lambda h: HistoryAwareSampler(PLANE, history=h),
    lambda h: IndependentSampler(PLANE, h),
    lambda h: SobolSampler(PLANE, h),
    lambda h: by_features(history=h),
    lambda h: export_history(h, Path("none.npz")),
    lambda h: import_history(Path("none.npz"), h),
]


@pytest.mark.parametrize("wrong", [torch.rand(5, 2), POINTS, MemoryHistory, "sqlite://"])
@pytest.mark.parametrize("call", HISTORIES)
def test_points_and_classes_where_a_history_is_wanted(
    call: Callable[[Any], object], wrong: object
) -> None:
    expected = r"`history` must be a hawc\.history\.AbstractHistory.*, got .*; .*MemoryHistory\("
    with pytest.raises(ValueError, match=expected):
        call(wrong)


OBJECTS: list[tuple[str, type, Callable[[Any], object]]] = [
    ("solver", Typical, lambda s: HistoryAwareSampler(PLANE, solver=s)),
    ("solver", Deterministic, lambda s: compress(PLANE, 3, solver=s, generator=seeded())),
    ("kernel", Energy, lambda h: HistoryAwareSampler(PLANE, kernel=h)),
    ("kernel", Energy, lambda h: by_features(kernel=h)),
    ("kernel", Energy, lambda h: compress(PLANE, 3, kernel=h, generator=seeded())),
    ("kernel", Energy, lambda h: CompressionProblem(PLANE, 3, torch.empty(0, 2), h)),
    ("kernel", Energy, lambda h: squared_distance(h, POINTS, POINTS)),
    ("kernel", Energy, lambda h: unbiased_squared_distance(h, POINTS, POINTS)),
    ("kernel", Energy, lambda h: squared_distance_to(h, POINTS, PLANE)),
    ("kernel", Energy, lambda h: unbiased_squared_distance_to(h, POINTS, PLANE)),
    ("kernel", Energy, PLANE.self_energy),
    ("kernel", Energy, lambda h: PLANE.potential(h)(torch.tensor(POINTS))),
    ("kernel", Energy, lambda h: Empirical(POINTS).potential(h)(torch.tensor(POINTS))),
    ("kernel", Energy, Empirical(POINTS).self_energy),
    ("kernel", Energy, UniformCube(2).self_energy),
    ("kernel", Energy, GaussianMixture([1.0], [[0.0, 0.0]], [1.0]).potential),
]


@pytest.mark.parametrize(("name", "kind", "call"), OBJECTS)
def test_classes_where_an_object_is_wanted(
    name: str, kind: type, call: Callable[[Any], object]
) -> None:
    for wrong, got in ((kind, f"the class {kind.__name__}"), ("energy", "'energy'")):
        with pytest.raises(ValueError, match=rf"`{name}` must be a hawc\..*, got {got}; give an "):
            call(wrong)


NUMBERS: list[tuple[str, Callable[[Any], object]]] = [
    ("a", HuberEnergy),
    ("a", lambda a: Power(0.5, a)),
    ("alpha", Power),
    ("alpha", Quotient),
    ("scale", lambda scale: StudentT(2, scale)),
    ("low", lambda low: UniformCube(2, low, 1.0)),
    ("high", lambda high: UniformCube(2, 0.0, high)),
    ("gradient_tolerance", lambda x: Deterministic(gradient_tolerance=x)),
    ("progress_tolerance", lambda x: Deterministic(progress_tolerance=x)),
    ("typicality", lambda x: by_features(typicality=x)),
    ("data_weight", lambda x: by_features(data_weight=x)),
    # a text may be a share, such as "25%"
    ("min_distance", lambda x: by_features(min_distance=[1] if isinstance(x, str) else x)),
]


@pytest.mark.parametrize("wrong", [np.array([1.0, 2.0]), [0, 0], "1", torch.ones(1)])
@pytest.mark.parametrize(("name", "call"), NUMBERS)
def test_numbers_that_are_several_or_text(
    name: str, call: Callable[[Any], object], wrong: object
) -> None:
    with pytest.raises(ValueError, match=f"`{name}` must be a single number, got"):
        call(wrong)


@pytest.mark.parametrize("wrong", ["float32", np.float32, torch.int64])
def test_anything_but_a_dtype_of_torch(wrong: Any) -> None:
    with pytest.raises(ValueError, match=r"`dtype` must be .* torch.*, got"):
        MemoryHistory(2, dtype=wrong)
