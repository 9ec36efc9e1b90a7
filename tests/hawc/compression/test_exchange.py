"""Choice by exchange, against all subsets of the candidates."""

from itertools import combinations

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from hawc.compression.exchange import exchange
from hawc.kernels import HuberEnergy


def problem(seed: int, count: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    points = torch.randn(count, 2, generator=generator)
    matrix = HuberEnergy()(points, points)
    return matrix.mean(1) + 0.3 * torch.rand(count, generator=generator), matrix


def objective(field: Tensor, matrix: Tensor, chosen: tuple[int, ...] | list[int]) -> float:
    index = torch.tensor(chosen)
    size = len(chosen)
    return float(field[index].sum() / size - matrix[index][:, index].sum() / (2 * size**2))


@given(seed=st.integers(0, 10**6), count=st.integers(1, 12), data=st.data())
def test_no_exchange_of_one_is_better(seed: int, count: int, data: st.DataObject) -> None:
    size = data.draw(st.integers(1, count))
    field, matrix = problem(seed, count)
    chosen = exchange(field, lambda i: matrix[i], size)
    assert len(set(chosen)) == size
    reached = objective(field, matrix, chosen)
    for place in range(size):
        for other in set(range(count)) - set(chosen):
            exchanged = [*chosen[:place], other, *chosen[place + 1 :]]
            # 1e-11: exchanges that win 1e-12 of the field are left alone
            assert objective(field, matrix, exchanged) >= reached - 1e-11


def test_is_mostly_the_best_of_all_subsets() -> None:
    hits = 0
    for seed in range(20):
        field, matrix = problem(seed, 12)
        least = min(objective(field, matrix, c) for c in combinations(range(12), 4))
        found = objective(field, matrix, exchange(field, lambda i, m=matrix: m[i], 4))
        hits += found < least + 1e-12  # the same numbers, added up in another order
    assert hits == 20  # a single greedy start: 18, and 3 without any exchange


def test_rows_of_many_candidates_lead_to_a_local_minimum() -> None:
    field, matrix = problem(0, 150)
    chosen = exchange(field, lambda i: matrix[i], 5)
    least = objective(field, matrix, exchange(field, matrix, 5))
    assert least <= objective(field, matrix, chosen) < least + 0.01 * float(field.std())


def test_a_field_of_zero_leaves_the_pairs() -> None:
    points = torch.tensor([[0.0], [1.0], [2.0], [9.0]])
    chosen = exchange(torch.zeros(4), HuberEnergy()(points, points), 2)
    assert sorted(chosen) == [0, 3]


def test_one_is_where_the_field_is_lowest() -> None:
    field = torch.tensor([3.0, 1.0, 2.0])
    assert exchange(field, lambda i: torch.zeros(3), 1) == [1]


def test_rounding_does_not_choose_between_equal_candidates() -> None:
    field = torch.tensor([2.0, 1.0, 1.0 - 1e-15, 1.0 + 1e-15])
    assert exchange(field, lambda i: torch.zeros(4), 2) == [1, 2]


def test_equal_candidates_are_chosen_once_each() -> None:
    assert sorted(exchange(torch.zeros(3), lambda i: torch.zeros(3), 3)) == [0, 1, 2]
