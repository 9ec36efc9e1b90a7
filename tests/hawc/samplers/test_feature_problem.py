"""The objective of FeatureSampler: its scale, its gradients, its best candidates."""

from itertools import combinations
from typing import Any

import pytest
import torch
from torch import Tensor

from hawc.compression.problem import CompressionProblem
from hawc.distances import squared_distance_to
from hawc.kernels import HuberEnergy
from hawc.samplers import feature_problem
from hawc.samplers.distance_penalty import DistancePenalty
from hawc.samplers.feature_problem import FeatureProblem, Term
from hawc.targets import Empirical, StandardNormal

KERNEL = HuberEnergy()
SIZE, PAST, COUNT = 4, 3, 50


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


DATA = Empirical(torch.randn(30, 3, generator=seeded(1), dtype=torch.float64))
TARGET = StandardNormal(2)


def phi(z: Tensor) -> Tensor:
    return torch.cat([z, z.prod(1, keepdim=True)], dim=1)


def past_latents() -> Tensor:
    return torch.randn(PAST, 2, generator=seeded(PAST))


NONE = DistancePenalty(0.0, torch.empty(0, 3))


def terms(typicality: float = 0.5, scale: float = 1.0) -> tuple[Term, Term]:
    z, past = torch.randn(COUNT, 2, generator=seeded(COUNT)), past_latents()
    data = Empirical(scale * DATA.sample(200, generator=seeded()))
    features = CompressionProblem(data, SIZE, scale * phi(past), KERNEL)
    latents = CompressionProblem(TARGET, SIZE, past, KERNEL)
    return Term(features, scale * phi(z), 1.0), Term(latents, z, typicality)


def test_factor_is_the_weight_over_the_mean_distance() -> None:
    z = torch.randn(20_000, 2, generator=seeded())
    problem = CompressionProblem(TARGET, SIZE, z[:0], KERNEL)
    # E |X - X'| = sqrt(pi) in the plane; 0.01 is two standard errors of the mean
    assert abs(Term(problem, z, 0.5).factor - 0.5 / torch.pi**0.5) < 0.01
    assert Term(problem, torch.zeros(1, 2), 0.5).factor == 0.5  # without a mean distance


def test_value_is_the_weighted_sum_of_squared_distances() -> None:
    features, latents = terms()
    both = FeatureProblem(features, latents, NONE)
    total = SIZE + PAST

    def objective(z: Tensor) -> float:
        return float(both.value_and_gradients(phi(z), z)[0])

    def distances(z: Tensor) -> float:
        z = torch.cat([past_latents(), z])
        in_features = squared_distance_to(KERNEL, phi(z), features.problem.target)
        in_latents = squared_distance_to(KERNEL, z, TARGET)
        return float(features.factor * in_features + latents.factor * in_latents)

    first, second = (torch.randn(SIZE, 2, generator=seeded(s)) for s in (5, 6))
    # d^2 is f K^2 / T^2 plus a constant; the objective is f K^2 / T
    change = (objective(first) - objective(second)) / total
    assert abs(change - (distances(first) - distances(second))) < 1e-9  # float64 sums


def test_gradients_are_those_of_the_value() -> None:
    both = FeatureProblem(*terms(), DistancePenalty(3.0, phi(past_latents())))
    z = torch.randn(SIZE, 2, generator=seeded(5))
    features = phi(z)
    _, in_features, in_latents = both.value_and_gradients(features, z)
    for point, gradient, place in ((features, in_features, 0), (z, in_latents, 1)):
        direction = torch.randn(point.shape, generator=seeded(7))
        moved = [[features, z], [features, z]]
        for sign, pair in zip((1, -1), moved, strict=True):
            pair[place] = point + sign * 1e-5 * direction
        up, down = (float(both.value_and_gradients(*pair)[0]) for pair in moved)
        # central differences: 1e-8 of truncation, the penalty being 100 high, 1e-9 of cancellation
        assert abs((up - down) / 2e-5 - float((gradient * direction).sum())) < 1e-6


def test_best_candidates_do_not_depend_on_the_scale_of_features() -> None:
    chosen = [sorted(FeatureProblem(*terms(scale=s), NONE).best_candidates()) for s in (1.0, 100.0)]
    assert chosen[0] == chosen[1]
    assert len(set(chosen[0])) == SIZE


def test_best_candidates_are_better_than_random_ones() -> None:
    features, latents = terms()
    both = FeatureProblem(features, latents, NONE)

    def objective(index: Tensor) -> float:
        z = latents.candidates[index]
        return float(both.value_and_gradients(phi(z), z)[0])

    best = objective(torch.tensor(both.best_candidates()))
    random = [objective(torch.randperm(COUNT, generator=seeded(s))[:SIZE]) for s in range(200)]
    assert best < min(random)


def test_exchanges_change_the_objective_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Any] = []
    monkeypatch.setattr(feature_problem, "exchange", lambda *what: given.append(what) or [])
    features, latents = terms()
    # half of all pairs are closer than 2.5
    both = FeatureProblem(features, latents, DistancePenalty(2.5, phi(past_latents())))
    both.best_candidates()
    ((field, repulsion, size),) = given

    def exchanged(index: Tensor) -> float:
        heights = repulsion[index][:, index]
        return float(field[index].mean() - heights.sum() / (2 * size**2))

    def objective(index: Tensor) -> float:
        z = latents.candidates[index]
        value, _, _ = both.value_and_gradients(phi(z), z)
        return float(value) * (SIZE + PAST) / SIZE**2

    first, *others = torch.randperm(COUNT, generator=seeded())[: 10 * SIZE].split(SIZE)
    for other in others:
        change = objective(other) - objective(first)
        # float64 sums of penalties up to 100
        assert abs(change - (exchanged(other) - exchanged(first))) < 1e-9


def test_rows_for_many_candidates_are_those_of_the_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Any] = []
    monkeypatch.setattr(feature_problem, "exchange", lambda *what: given.append(what[1]) or [])
    both = FeatureProblem(*terms(), DistancePenalty(2.5, phi(past_latents())))
    both.best_candidates()
    monkeypatch.setattr(feature_problem, "MATRIX_CANDIDATES", COUNT - 1)
    both.best_candidates()
    matrix, row = given
    torch.testing.assert_close(torch.stack([row(i) for i in range(COUNT)]), matrix)


def test_no_exchange_improves_the_objective_with_its_penalty() -> None:
    features, latents = terms()
    penalty = DistancePenalty(1.5, phi(past_latents()))
    both = FeatureProblem(features, latents, penalty)

    def objective(index: list[int]) -> float:
        z = latents.candidates[index]
        return float(both.value_and_gradients(phi(z), z)[0])

    best = both.best_candidates()
    for place in range(SIZE):
        for other in set(range(COUNT)) - set(best):
            # 1e-9: exchanges that gain less than 1e-12 of a penalty of 100 are not made
            assert objective([*best[:place], other, *best[place + 1 :]]) > objective(best) - 1e-9
    chosen = features.candidates[best]
    others = torch.cat([phi(past_latents()), chosen])
    assert torch.cdist(chosen, others).sort(1).values[:, 1].min() > 0.8 * 1.5


def test_a_high_typicality_brings_latents_closer_to_the_prior() -> None:
    def distance(typicality: float) -> float:
        features, latents = terms(typicality)
        z = latents.candidates[FeatureProblem(features, latents, NONE).best_candidates()]
        return float(squared_distance_to(KERNEL, torch.cat([past_latents(), z]), TARGET))

    assert distance(100.0) < distance(0.0)


@pytest.mark.parametrize("weight", [0.0, 0.3, 30.0])
def test_best_candidates_minimize_the_objective_minus_the_mean_quality(weight: float) -> None:
    (features, latents), count = terms(), 9
    few = [Term(term.problem, term.candidates[:count], term.weight) for term in (features, latents)]
    quality = weight * torch.rand(count, generator=seeded(9), dtype=torch.float64)
    penalty = DistancePenalty(0.5, features.problem.history)
    problem = FeatureProblem(few[0], few[1], penalty, quality)

    def objective(chosen: tuple[int, ...]) -> float:
        places = list(chosen)
        value, *_ = problem.value_and_gradients(
            few[0].candidates[places], few[1].candidates[places]
        )
        scale = SIZE**2 / latents.problem.total
        return float(value) / scale - float(quality[places].mean())

    best = min(combinations(range(count), SIZE), key=objective)
    assert sorted(problem.best_candidates()) == list(best)
