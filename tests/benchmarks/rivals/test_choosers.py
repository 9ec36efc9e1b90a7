"""What all choosers have in common, and their choices against all subsets of small instances."""

from itertools import combinations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

import metrics
from benchmarks.rivals.determinantal import GreedyDPP, greedy_map
from benchmarks.rivals.farthest_point import FarthestPoint
from benchmarks.rivals.group_inference import GroupInference, group_value
from benchmarks.rivals.interface import Chooser, Round
from benchmarks.rivals.shielded_choice import ShieldedChoice
from benchmarks.rivals.vendi_bank import VendiBank, entropies_with

CHOOSERS = (
    *(FarthestPoint(), GreedyDPP(), GreedyDPP(2.0, 1.0), ShieldedChoice(3.0)),
    *(GroupInference(1.5, "greedy"), GroupInference(0.1, "exact", True)),
    *(VendiBank(1, 0.5), VendiBank(2)),
)
CANDIDATES, DIM, N = 12, 4, 3


def instance(seed: int, past: int = 5, n: int = N, candidates: int = CANDIDATES) -> Round:
    random = torch.Generator().manual_seed(seed)
    return Round(
        torch.randn(candidates, DIM, generator=random),
        torch.randn(past, DIM, generator=random),
        n,
        torch.rand(candidates, generator=random),
        torch.randn(40, DIM, generator=random),
    )


def subsets() -> list[list[int]]:
    return [list(subset) for subset in combinations(range(CANDIDATES), N)]


@pytest.mark.parametrize("chooser", CHOOSERS, ids=str)
@pytest.mark.parametrize("past", [0, 5])
@pytest.mark.parametrize("n", [1, 3, 12])
def test_different_candidates_are_chosen(chooser: Chooser, past: int, n: int) -> None:
    round_ = instance(0, past, n)
    chosen = chooser(round_)
    assert len(set(chosen)) == n
    assert set(chosen) <= set(range(CANDIDATES))
    assert chooser(round_) == chosen


@pytest.mark.parametrize("chooser", CHOOSERS, ids=str)
def test_without_quality_and_with_copies(chooser: Chooser) -> None:
    copies = torch.ones(6, DIM)
    assert len(set(chooser(Round(copies, copies[:2], 4, None, copies)))) == 4


@pytest.mark.parametrize("chooser", [*CHOOSERS[:4], *CHOOSERS[5:]], ids=str)
def test_an_earlier_image_is_not_repeated(chooser: Chooser) -> None:
    round_ = instance(1, past=1, n=1)
    past = round_.features[:1]
    without = Round(round_.features, past, 1, torch.ones(CANDIDATES), round_.data)
    assert chooser(without) != [0]


def smallest_distance(features: Tensor, past: Tensor, chosen: list[int]) -> float:
    distances = torch.cdist(features[chosen], torch.cat([features[chosen], past]))
    return float(distances.fill_diagonal_(torch.inf).min())


@pytest.mark.parametrize("seed", range(8))
def test_farthest_points_are_half_as_far_as_possible(seed: int) -> None:
    round_ = instance(seed)
    x, past = round_.features, round_.past
    best = max(smallest_distance(x, past, subset) for subset in subsets())
    assert smallest_distance(x, past, FarthestPoint()(round_)) >= best / 2


def test_the_farthest_of_a_line() -> None:
    line = torch.tensor([[0.0], [1.0], [5.0], [9.0], [10.0]])
    assert FarthestPoint()(Round(line, line[:0], 3, None, line)) == [0, 4, 2]
    assert FarthestPoint()(Round(line, line[:1], 2, None, line)) == [4, 2]


def log_determinant(kernel: Tensor, chosen: list[int]) -> float:
    return float(kernel[chosen][:, chosen].logdet())


@pytest.mark.parametrize("seed", range(8))
def test_the_greedy_determinant_grows_by_the_most_of_all_candidates(seed: int) -> None:
    matrix = torch.randn(CANDIDATES, 20, generator=torch.Generator().manual_seed(seed)).double()
    kernel = matrix @ matrix.T
    chosen = greedy_map(kernel, 4)
    for step, index in enumerate(chosen):
        values = {
            other: log_determinant(kernel, [*chosen[:step], other])
            for other in range(CANDIDATES)
            if other not in chosen[:step]
        }
        assert index == max(values, key=lambda other: values[other])


@pytest.mark.parametrize("weight", [0.0, 2.0])
def test_the_process_is_conditioned_on_the_past(weight: float) -> None:
    """The best single image maximizes the determinant of all, past included."""
    round_ = instance(3, n=1)
    chooser = GreedyDPP(0.7, weight)
    x, past = round_.features.double(), round_.past.double()
    distances = torch.cdist(x, x)
    scale = 0.7 * float(distances[~torch.eye(len(x), dtype=torch.bool)].median())
    every = torch.cat([past, x])
    kernel = (-torch.cdist(every, every).square() / (2 * scale**2)).exp()
    assert round_.quality is not None
    scores = torch.cat([torch.ones(len(past)), (weight * round_.quality).exp()]).double()
    kernel = scores[:, None] * kernel * scores
    places = list(range(len(past)))
    values = [log_determinant(kernel, [*places, len(past) + i]) for i in range(CANDIDATES)]
    assert chooser(round_) == [max(range(CANDIDATES), key=lambda i: values[i])]


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("memory", [False, True])
def test_exact_group_inference_finds_the_best_of_all_groups(seed: int, memory: bool) -> None:
    round_ = instance(seed)
    exact = GroupInference(0.4, "exact", memory)
    terms = exact.terms(round_)
    best = max(group_value(*terms, subset) for subset in subsets())
    assert group_value(*terms, exact(round_)) == pytest.approx(best, rel=1e-9)
    greedy = GroupInference(0.4, "greedy", memory)(round_)
    assert group_value(*terms, greedy) <= best * (1 + 1e-9)


def test_the_value_of_a_group() -> None:
    round_ = instance(2)
    unit = functional.normalize(round_.features.double())
    chosen = [1, 4, 7]
    assert round_.quality is not None
    expected = float(round_.quality[chosen].double().sum())
    expected += 0.5 * sum(1 - float(unit[i] @ unit[j]) for i, j in combinations(chosen, 2))
    assert group_value(*GroupInference(0.5).terms(round_), chosen) == pytest.approx(expected)


def test_candidates_in_shields_are_chosen_last() -> None:
    line = torch.tensor([[0.2], [4.0], [4.1], [9.0], [12.0]])
    chooser = ShieldedChoice(2.0)
    assert chooser(Round(line, torch.zeros(1, 1), 3, None, line)) == [1, 3, 4]
    assert chooser(Round(line, torch.zeros(1, 1), 4, None, line)) == [1, 3, 4, 0]  # 0.2 in, 1.9 in


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("k", [0, 1, 6])
def test_entropies_are_logarithms_of_the_vendi_score(order: int, k: int) -> None:
    round_ = instance(4)
    x, bank = (functional.normalize(t.double()) for t in (round_.features, round_.data[:k]))
    values = entropies_with(bank, x, order)
    for value, row in zip(values, x, strict=True):
        score = metrics.vendi_score(torch.cat([bank, row[None]]), q=float(order))
        assert float(value.exp()) == pytest.approx(float(score), rel=1e-6)


@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_the_first_image_maximizes_the_vendi_objective(weight: float) -> None:
    round_ = instance(5, n=1)
    every = [
        float(metrics.vendi_score(torch.cat([round_.past, row[None]])).log())
        - weight * float(metrics.vendi_score(torch.cat([round_.data[:32], row[None]])).log())
        for row in round_.features
    ]
    assert VendiBank(1, weight)(round_) == [max(range(CANDIDATES), key=lambda i: every[i])]


def test_orthogonal_images_have_the_largest_vendi_score() -> None:
    axes = torch.eye(DIM)
    features = torch.cat([axes[:1], axes[:1] + 0.1, axes])
    chosen = VendiBank()(Round(features, axes[:0], 4, None, features))
    assert float(metrics.vendi_score(features[chosen])) == pytest.approx(4, rel=1e-2)
