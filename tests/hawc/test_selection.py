"""Selection against all subsets of few candidates, and its arguments."""

from itertools import combinations
from typing import Any

import pytest
import torch
from torch import Tensor

from hawc import Empirical, MemoryHistory, StandardNormal, select
from hawc.kernels import AbstractKernel, Energy, GaussianComplement, HuberEnergy, Quotient
from hawc.selection import mean_distance

KERNELS = (Energy(), HuberEnergy(), Quotient(0.5, 1.0), GaussianComplement(2.0))


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def objective(
    chosen: Tensor, past: Tensor, data: Tensor, kernel: AbstractKernel, unit: float
) -> float:
    """The formula of the docstring of `select`, in float64."""
    x, y, n = chosen.double(), past.double(), len(chosen)
    field = (n + len(y)) * kernel(x, data.double()).mean(1) - kernel(x, y).sum(1)
    return float(field.mean() / n - kernel(x, x).sum() / (2 * n**2)) / unit


@pytest.mark.parametrize("seed", range(16))
def test_is_the_best_of_all_subsets(seed: int) -> None:
    dim, n, kernel = (1, 2, 5, 20)[seed // 4], 1 + seed % 5, KERNELS[seed % 4]
    x, past = normal(11, dim, seed=seed), normal(seed % 3 * 4, dim, seed=seed + 100)
    data = normal(30, dim, seed=seed + 200)
    unit = mean_distance(x, kernel)
    values = {
        subset: objective(x[list(subset)], past, data, kernel, unit)
        for subset in combinations(range(11), n)
    }
    least, mean = min(values.values()), sum(values.values()) / len(values)
    found = values[tuple(select(x, n, history=past, data=data, kernel=kernel))]
    assert found <= least + 0.01 * (mean - least)


def test_many_candidates_take_single_rows() -> None:
    x = normal(2100, 3)
    chosen = select(x, 4, min_distance="10% of 50")
    assert len(set(chosen)) == 4
    everything = Empirical(x)
    least = [objective(x[torch.randperm(2100)[:4]], x[:0], x, Energy(), 1.0) for _ in range(20)]
    assert everything.dim == 3
    assert objective(x[chosen], x[:0], x, Energy(), 1.0) < min(least)


def test_a_history_gives_its_last_columns() -> None:
    x, past = normal(20, 4), normal(6, 4, seed=1)
    history = MemoryHistory(4)
    history.append(past, expected_length=0)
    assert select(x, 3, history=history) == select(x, 3, history=past)


X = normal(30, 4)
WRONG: list[tuple[str, dict[str, Any]]] = [
    ("`n` must be at most the number of candidates, 30, got 31", {"n": 31}),
    ("`n` must be at least 1", {"n": 0}),
    ("`features` must be finite", {"features": X / 0}),
    ("`features` must have shape", {"features": X[0]}),
    (r"`history` must have shape \(n, 4\)", {"history": normal(5, 3)}),
    ("`history` must be finite", {"history": X * torch.nan}),
    ("`history` must hold features of the candidates'", {"history": MemoryHistory(3)}),
    (r"`data` must have shape \(n, 4\)", {"data": normal(5, 3)}),
    ("`data` must have the candidates' dimension, 4", {"data": StandardNormal(3)}),
    ("`data` must be a hawc", {"data": StandardNormal}),
    ("`data_weight` must be finite and at least 0", {"data_weight": -1}),
    ("`quality` must hold one score per candidate, 30", {"quality": [1, 2]}),
    ("`quality` must be finite", {"quality": 30 * [torch.nan]}),
    ("`quality_weight` must be finite", {"quality_weight": torch.inf}),
    ("`min_distance` must be finite and at least 0", {"min_distance": torch.nan}),
    ("`min_distance` must be a distance or a text such as", {"min_distance": "a quarter"}),
    ("`min_distance` must be a single number", {"min_distance": [1, 2]}),
    ("`kernel` must be a hawc", {"kernel": "energy"}),
]


@pytest.mark.usefixtures("no_shape_checks")
@pytest.mark.parametrize(("message", "wrong"), WRONG)
def test_refusals_name_the_argument(message: str, wrong: dict[str, Any]) -> None:
    given = {"features": X, "n": 3, **wrong}
    with pytest.raises(ValueError, match=message):
        select(given.pop("features"), given.pop("n"), **given)


EXPECTED = select(X, 5)


@pytest.mark.parametrize(
    "same",
    [
        *(X.numpy(), X.tolist(), list(X), list(X.numpy()), X.half(), X.bfloat16(), X.double()),
        *(1e-6 * X, 1e6 * X, 1e-15 * X, X + 100, (40 * X + 128).clamp(0, 255).byte()),
    ],
)
def test_kinds_of_numbers_and_units_do_not_matter(same: object) -> None:
    assert select(same, 5) == EXPECTED


@pytest.mark.parametrize("unit", [1e-6, 1e6])
def test_units_do_not_matter_with_all_terms(unit: float) -> None:
    terms: dict[str, Any] = {"quality": X[:, 0], "min_distance": "25% of 50"}
    past, data = normal(9, 4, seed=1), normal(40, 4, seed=2)
    expected = select(X, 5, history=past, data=data, **terms)
    assert select(unit * X, 5, history=unit * past, data=unit * data, **terms) == expected
    assert expected != EXPECTED


def test_order_of_the_candidates_does_not_matter() -> None:
    order = torch.randperm(30, generator=torch.Generator().manual_seed(3))
    assert sorted(int(order[i]) for i in select(X[order], 5)) == EXPECTED


def test_autocast_and_inference_mode_do_not_matter() -> None:
    with torch.autocast("cpu"), torch.inference_mode():
        assert select(X, 5) == EXPECTED
    assert select(X.clone().requires_grad_(), 5) == EXPECTED


def test_copies_and_extreme_numbers_of_candidates() -> None:
    assert select(torch.cat([X, X]), 5) == EXPECTED  # the first of two copies
    equal = torch.ones(7, 3)
    assert select(equal, 3, history=equal[:1], min_distance="25%") == [0, 1, 2]
    assert select(X, 30) == list(range(30))
    assert select(X[:1], 1, min_distance="25%") == [0]


def test_an_empty_or_single_history() -> None:
    assert select(X, 5, history=X[:0]) == select(X, 5, history=MemoryHistory(4)) == EXPECTED
    assert 0 not in select(X, 5, history=X[:1], min_distance="25%")


def test_min_distance_keeps_images_apart() -> None:
    groups = torch.cat([0.01 * normal(20, 2, seed=k) + 5 * k for k in range(3)])
    distances = torch.nn.functional.pdist(groups[select(groups, 3, min_distance=4.0)])
    assert float(distances.min()) > 4


def test_quality_decides_if_its_weight_is_large() -> None:
    quality = X[:, 1]
    best = sorted(quality.topk(3).indices.tolist())
    assert select(X, 3, quality=quality, quality_weight=100.0) == best
    assert select(X, 3, quality=quality, quality_weight=0.0) == select(X, 3)


def test_two_terms_are_those_of_group_inference() -> None:
    quality, weight, n = normal(12, seed=5), 1.5, 4
    x = X[:12].double()
    chosen = select(
        x,
        n,
        data_weight=0.0,
        quality=quality,
        quality_weight=1 / (weight * n * mean_distance(x, Energy())),
        kernel=Energy(),
    )

    def value(subset: tuple[int, ...]) -> float:
        points = x[list(subset)]
        pairs = float(torch.nn.functional.pdist(points).sum())
        return float(quality[list(subset)].double().sum()) + weight * pairs

    assert max(combinations(range(12), n), key=value) == tuple(chosen)
