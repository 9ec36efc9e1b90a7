"""Typical points: lengths as samples have them, and nearly the distance of free points."""

from typing import Any

import pytest
import torch
from scipy.stats import kstest
from torch import Tensor

from hawc.compression import Deterministic, Typical, compress
from hawc.distances import squared_distance_to
from hawc.kernels import Energy, HuberEnergy, Power
from hawc.samplers import HistoryAwareSampler
from hawc.targets import (
    AbstractTarget,
    Empirical,
    GaussianMixture,
    Normal,
    StandardNormal,
    StudentT,
    UniformCube,
)

KERNEL = HuberEnergy()
FREE, TYPICAL = Deterministic(), Typical()
COVARIANCE = torch.diag(torch.logspace(-2, 2, 12))


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def chosen(target: AbstractTarget, size: int, **options: Any) -> Tensor:
    return compress(target, size, generator=seeded(), **options).points


def distance(points: Tensor, target: AbstractTarget) -> float:
    return float(squared_distance_to(KERNEL, points, target))


def probabilities(points: Tensor, target: AbstractTarget) -> Tensor:
    form = target.elliptical_form()
    assert form is not None
    return form.probabilities_of(points)


def share_of_gain(size: int, history: Tensor) -> float:
    """Returns what typical points gain over independent ones, as a share of free points' gain."""
    target = StandardNormal(history.shape[1])

    def total(new: Tensor) -> float:
        return distance(torch.cat([history, new]), target)

    independent = [total(target.sample(size, generator=seeded(seed))) for seed in range(20)]
    mean = sum(independent) / len(independent)
    free, typical = (chosen(target, size, history=history, solver=s) for s in (FREE, TYPICAL))
    return (mean - total(typical)) / (mean - total(free))


@pytest.mark.parametrize("size", [1, 4, 16, 64])
@pytest.mark.parametrize("length", [0, 100])
@pytest.mark.parametrize("dim", [1, 2, 8, 64, 1024])
def test_all_lengths_are_typical(dim: int, length: int, size: int) -> None:
    target = StandardNormal(dim)
    history = target.sample(length, generator=seeded(1))
    found = probabilities(chosen(target, size, history=history, solver=TYPICAL), target)
    assert 0.01 <= float(found.min()) <= float(found.max()) <= 0.99


def test_lengths_are_typical_in_single_precision_of_a_diffusion_model() -> None:
    torch.set_default_dtype(torch.float32)  # put back after each test
    target = StandardNormal(16_384)
    sampler, generator = HistoryAwareSampler(target), seeded()
    points = torch.cat([sampler.sample(n, generator=generator) for n in (1, 1, 4)])
    found = probabilities(points, target)
    assert 0.01 <= float(found.min()) <= float(found.max()) <= 0.99
    # free points: lengths 0 and 0.58 of the typical one at first
    assert float(points.norm(dim=1).std()) < 1


@pytest.mark.parametrize(
    "target",
    [Normal(torch.ones(12), COVARIANCE), Normal(torch.ones(8), 1e-12), StudentT(8, 2.0)],
    ids=repr,
)
def test_lengths_of_other_targets_are_typical(target: AbstractTarget) -> None:
    history = target.sample(50, generator=seeded(1))
    found = probabilities(chosen(target, 6, history=history, solver=TYPICAL), target)
    assert 0.01 <= float(found.min()) <= float(found.max()) <= 0.99


@pytest.mark.parametrize(("dim", "size"), [(8, 4), (64, 4), (1024, 4)])
def test_keeps_most_of_the_gain_without_a_history(dim: int, size: int) -> None:
    assert share_of_gain(size, torch.empty(0, dim)) > 0.85  # 0.89 to 0.90 are usual


@pytest.mark.parametrize("dim", [8, 64])
@pytest.mark.parametrize("length", [0, 100])
def test_keeps_nearly_all_of_the_gain_of_sixteen(dim: int, length: int) -> None:
    history = StandardNormal(dim).sample(length, generator=seeded(5))
    assert share_of_gain(16, history) > 0.93  # 0.96 and more are usual


@pytest.mark.parametrize("rounds", [(1,) * 16, (4,) * 4, (2,) * 8, (1, 3, 8, 4)], ids=str)
def test_lengths_of_rounds_are_distributed_as_the_targets(rounds: tuple[int, ...]) -> None:
    target = StandardNormal(64)
    sampler, generator = HistoryAwareSampler(target), seeded()
    for size in rounds:
        sampler.sample(size, generator=generator)
    found = kstest(probabilities(sampler.history.points(), target).numpy(), "uniform")
    assert found.statistic <= 0.04  # of sixteen; free points have 0.46


@pytest.mark.parametrize("dim", [16, 64])
def test_single_points_end_closer_than_free_ones(dim: int) -> None:
    def after_sixteen(solver: Deterministic | Typical) -> float:
        sampler, generator = HistoryAwareSampler(StandardNormal(dim), solver=solver), seeded()
        for _ in range(16):
            sampler.sample(1, generator=generator)
        return distance(sampler.history.points(), sampler.target)

    assert after_sixteen(TYPICAL) < after_sixteen(FREE)


@pytest.mark.parametrize(
    "target",
    [StandardNormal(1), Normal(torch.zeros(2), torch.ones(2, 2)), Normal(torch.ones(1), 1e-18)],
    ids=repr,
)
def test_points_on_a_line_are_stratified(target: AbstractTarget) -> None:
    sampler, generator = HistoryAwareSampler(target), seeded()
    for size in (1, 7, 56):
        sampler.sample(size, generator=generator)
    kernel = Energy()
    found = squared_distance_to(kernel, sampler.history.points(), target)
    # 0.014 with free points, the longest of which are not typical; 0.059 with free signs alone
    assert float(found) < 0.03 * target.self_energy(kernel) / 64
    ends = probabilities(sampler.history.points(), target)
    assert 0.01 <= float(ends.min()) <= float(ends.max()) <= 0.99


def test_a_kernel_that_grows_faster_needs_more_than_a_simplex() -> None:
    target, kernel = StandardNormal(8), Power(0.9)
    found, patient = (
        compress(target, 8, kernel=kernel, solver=solver, generator=seeded()).points
        for solver in (TYPICAL, FREE)
    )
    lost = squared_distance_to(kernel, found, target) - squared_distance_to(kernel, patient, target)
    assert float(lost) < 0.06 * target.self_energy(kernel) / 8  # a simplex loses more


@pytest.mark.parametrize("length", [0, 20])
def test_no_direction_hides_the_length(length: int) -> None:
    target = Normal(torch.ones(12), COVARIANCE)  # variances from 0.01 to 100
    history = target.sample(20, generator=seeded(1))[:length]
    form = target.elliptical_form()
    assert form is not None
    points = chosen(target, 8, history=history, solver=TYPICAL)
    whitened = form.whitened(torch.cat([history, points]))
    # of N(0, I): with the length in the flattest direction the share of that one is nearly 1
    shares = whitened.square().mean(0) / whitened.square().mean(0).sum()
    assert float(shares.max()) < 3 / 12


def test_does_not_depend_on_a_basis_or_units() -> None:
    turn, _ = torch.linalg.qr(torch.randn(12, 12, generator=seeded(3)))
    matrix = 1e3 * turn @ torch.diag(torch.logspace(-1, 1, 12))
    plain, moved = StandardNormal(12), Normal(torch.full((12,), 7.0), matrix @ matrix.T)
    history = plain.sample(30, generator=seeded(1))
    points = chosen(plain, 4, history=history, solver=TYPICAL)
    image = chosen(moved, 4, history=7 + history @ matrix.T, solver=TYPICAL)
    form = moved.elliptical_form()
    assert form is not None
    # the same problem, up to a turn: other starts end nearly as low
    whitened = form.whitened(torch.cat([7 + history @ matrix.T, image]))
    expected = distance(torch.cat([history, points]), plain)
    assert distance(whitened, plain) == pytest.approx(expected, rel=1e-2)


def test_a_flat_distribution_keeps_its_plane() -> None:
    target = Normal(torch.tensor([1.0, 2.0, 3.0]), torch.diag(torch.tensor([1.0, 0.0, 1.0])))
    points = chosen(target, 5, solver=TYPICAL)
    torch.testing.assert_close(points[:, 1], torch.full((5,), 2.0))


def test_points_of_a_data_set_are_examples_of_it() -> None:
    data = torch.randn(300, 5, generator=seeded(1))
    target = Empirical(data)
    points = chosen(target, 10, history=data[:20], solver=TYPICAL)
    assert {tuple(p) for p in points.tolist()} <= {tuple(x) for x in data.tolist()}
    assert len(points.unique(dim=0)) == 10
    independent = distance(torch.cat([data[:20], data[100:110]]), target)
    assert distance(torch.cat([data[:20], points]), target) < independent


@pytest.mark.parametrize(
    "target",
    [UniformCube(2), GaussianMixture(None, torch.tensor([[0.0, 0.0], [9.0, 0.0]]), 1.0)],
    ids=lambda target: type(target).__name__,
)
def test_the_best_of_many_samples_are_nearly_as_good_as_free_points(
    target: AbstractTarget,
) -> None:
    free, typical = (chosen(target, 16, solver=solver) for solver in (FREE, TYPICAL))
    lost = distance(typical, target) - distance(free, target)
    assert lost < 0.1 * target.self_energy(KERNEL) / 16  # what independent points have


def test_weights_may_be_optimal() -> None:
    target, options = StandardNormal(4), {"solver": TYPICAL, "generator": seeded()}
    found = compress(target, 5, weights="optimal", **options)
    assert float(found.weights.sum()) == pytest.approx(1)
    assert float(found.weights.std()) > 0


def test_a_point_is_its_own_sample() -> None:
    target = Normal(torch.ones(3), 0.0)
    torch.testing.assert_close(chosen(target, 2, solver=TYPICAL), torch.ones(2, 3))


def test_rejects_no_candidates() -> None:
    with pytest.raises(ValueError, match="`num_candidates` must be at least 1, got 0"):
        Typical(num_candidates=0)
