"""HistoryAwareSampler: batches complement the history, also one that others append to."""

import doctest
import importlib
from collections.abc import Callable
from typing import final

import pytest
import torch
from jaxtyping import Float
from torch import Tensor

from hawc.compression import Deterministic, compress
from hawc.distances import squared_distance_to
from hawc.history import AbstractHistory, MemoryHistory
from hawc.kernels import HuberEnergy
from hawc.samplers.history_aware import HistoryAwareSampler
from hawc.targets import Empirical, StandardNormal
from tests.hawc.samplers.forwarding import ForwardingHistory

KERNEL = HuberEnergy()
PLANE = StandardNormal(2)
QUICK = Deterministic(max_iterations=5)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def distance(points: Tensor) -> float:
    return float(squared_distance_to(KERNEL, points, PLANE))


def history_with(points: Tensor) -> MemoryHistory:
    history = MemoryHistory(points.shape[1])
    history.append(points, expected_length=0)
    return history


@final
class SharedHistory(ForwardingHistory):
    """A history in which another writer appends after each of the first reads."""

    def __init__(self, num_conflicts: int) -> None:
        super().__init__(MemoryHistory(2))
        self._num_conflicts = num_conflicts
        self.num_attempts = 0

    def points(self) -> Float[Tensor, "n d"]:
        points = super().points()
        if self._num_conflicts > 0:
            self._num_conflicts -= 1
            self._inner.append(torch.full((1, 2), 0.5), expected_length=len(self))
        return points

    def append(self, points: Float[Tensor, "k d"], *, expected_length: int) -> None:
        self.num_attempts += 1
        super().append(points, expected_length=expected_length)


@final
class Overtaken(ForwardingHistory):
    """A history in which another writer appends once, between the first read and append."""

    def __init__(self, inner: AbstractHistory, by: Callable[[], object]) -> None:
        super().__init__(inner)
        self._by = [by]

    def append(self, points: Float[Tensor, "k d"], *, expected_length: int) -> None:
        if self._by:
            self._by.pop()()
        super().append(points, expected_length=expected_length)


def test_a_returned_batch_may_be_modified() -> None:
    sampler = HistoryAwareSampler(PLANE, solver=QUICK)
    batch = sampler.sample(3, generator=seeded())
    before = batch.clone()
    batch.zero_()
    assert torch.equal(sampler.history.points(), before)


def test_batches_complement_each_other() -> None:
    sampler, generator = HistoryAwareSampler(PLANE), seeded()
    for _ in range(5):
        sampler.sample(10, generator=generator)
    separate = torch.cat([compress(PLANE, 10, generator=seeded(i)).points for i in range(5)])
    together = distance(sampler.history.points())
    # measured: 0.0018 with history, 0.0059 without, 0.0177 for independent points
    assert together < 0.5 * distance(separate)
    assert together < 0.15 * PLANE.self_energy(KERNEL) / 50


@pytest.mark.parametrize("window", [0, 1, 4, 5, 6, None])
def test_window_counts_the_latest_points(window: int | None) -> None:
    past = torch.randn(5, 2, generator=seeded(1))
    sampler = HistoryAwareSampler(PLANE, history=history_with(past), solver=QUICK, window=window)
    considered = past.tolist() if window is None else past.tolist()[::-1][:window][::-1]
    expected = compress(
        PLANE,
        3,
        history=torch.tensor(considered).reshape(-1, 2),
        solver=QUICK,
        generator=seeded(),
    )
    assert torch.equal(sampler.sample(3, generator=seeded()), expected.points)


def test_uses_its_kernel_and_solver() -> None:
    kernel = HuberEnergy(0.5)
    sampler = HistoryAwareSampler(PLANE, kernel=kernel, solver=QUICK)
    expected = compress(PLANE, 3, kernel=kernel, solver=QUICK, generator=seeded()).points
    assert torch.equal(sampler.sample(3, generator=seeded()), expected)
    assert not torch.equal(compress(PLANE, 3, generator=seeded()).points, expected)


def test_chooses_again_after_a_conflict() -> None:
    history, generator = SharedHistory(num_conflicts=1), seeded()
    sampler = HistoryAwareSampler(PLANE, history=history, solver=QUICK)
    batch = sampler.sample(2, generator=generator)
    assert history.num_attempts == 2
    assert torch.equal(history.points(), torch.cat([torch.full((1, 2), 0.5), batch]))
    # the second choice sees the other point, starts from the first choice and uses one generator
    generator = seeded()
    first = compress(PLANE, 2, solver=QUICK, generator=generator).points
    seen = torch.full((1, 2), 0.5)
    expected = compress(
        PLANE, 2, history=seen, solver=QUICK, start=first, generator=generator
    ).points
    assert torch.equal(batch, expected)


def test_samplers_with_one_seed_do_not_repeat_each_other() -> None:
    history = MemoryHistory(2)
    twin = HistoryAwareSampler(PLANE, history=history)
    slow = Overtaken(history, by=lambda: twin.sample(10, generator=seeded()))
    HistoryAwareSampler(PLANE, history=slow).sample(10, generator=seeded())
    alone, generator = HistoryAwareSampler(PLANE), seeded()
    for _ in range(2):
        alone.sample(10, generator=generator)
    points = history.points()
    assert len(points) == 20
    # 0.45 is usual for 20 points; both samplers made the same first choice
    assert torch.pdist(points).min() > 0.1
    assert distance(points) < 1.1 * distance(alone.history.points())


def test_same_seed_gives_the_same_series() -> None:
    def series(seed: int) -> Tensor:
        sampler, generator = HistoryAwareSampler(PLANE, solver=QUICK), seeded(seed)
        return torch.cat([sampler.sample(2, generator=generator) for _ in range(3)])

    assert torch.equal(series(1), series(1))
    assert not torch.equal(series(1), series(2))


def test_default_histories_are_not_shared() -> None:
    first, second = (HistoryAwareSampler(PLANE, solver=QUICK) for _ in range(2))
    first.sample(2, generator=seeded())
    assert len(second.history) == 0


def test_uses_a_given_history_that_is_empty() -> None:
    history = MemoryHistory(2)
    HistoryAwareSampler(PLANE, history=history, solver=QUICK).sample(2, generator=seeded())
    assert len(history) == 2


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_works_where_gradients_are_off(mode: Callable[[], torch.no_grad]) -> None:
    kernel = HuberEnergy(1.75e-5)  # used nowhere else, so nothing is cached for it
    sampler = HistoryAwareSampler(PLANE, kernel=kernel, solver=QUICK)
    with mode():
        sampler.sample(2, generator=seeded())
    assert sampler.sample(2, generator=seeded()).isfinite().all()
    assert len(sampler.history) == 4


def test_samples_an_empirical_distribution() -> None:
    target = Empirical(torch.randn(40, 3, generator=seeded()))
    sampler = HistoryAwareSampler(target)
    for seed in range(2):
        sampler.sample(5, generator=seeded(seed))
    reached = float(squared_distance_to(KERNEL, sampler.history.points(), target))
    assert reached < 0.5 * target.self_energy(KERNEL) / 10  # half of what i.i.d. samples reach


def test_rejects_a_negative_window() -> None:
    with pytest.raises(ValueError, match="`window` must be at least 0, got -1"):
        HistoryAwareSampler(PLANE, window=-1)


def test_example_in_the_docstring_runs() -> None:
    torch.set_default_dtype(torch.float32)  # a user's
    result = doctest.testmod(importlib.import_module("hawc.samplers.history_aware"))
    assert result.attempted > 0
    assert result.failed == 0
