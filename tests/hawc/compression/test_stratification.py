"""Stratified complements: the optimum of all choices, and rounds of any size."""

from itertools import combinations_with_replacement

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import kstest

from hawc.compression.stratification import stratified_complement

SITES = (np.arange(16) + 0.5) / 16


def cramer_von_mises(numbers: NDArray[np.float64]) -> float:
    """Returns int (F - q)^2 dq of the numbers' distribution function F."""
    ordered, n = np.sort(numbers), len(numbers)
    middle = (np.arange(n) + 0.5) / n
    return float(np.square(ordered - middle).mean() + 1 / (12 * n * n))


def gap(numbers: NDArray[np.float64]) -> float:
    return float(kstest(numbers, "uniform").statistic)


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize(
    "past",
    [[], [0.0], [1.0], [0.2, 0.2, 0.9], [0.03, 0.4, 0.5, 0.61, 0.7], [0.0] * 5],
    ids=lambda past: str(len(past)),
)
def test_no_other_choice_is_closer_to_uniform(past: list[float], size: int) -> None:
    given = np.asarray(past, dtype=np.float64)
    chosen = stratified_complement(given, size)
    assert len(chosen) == size
    every = [
        cramer_von_mises(np.concatenate([given, other]))
        for other in combinations_with_replacement(SITES, size)
    ]
    assert cramer_von_mises(np.concatenate([given, chosen])) == pytest.approx(min(every))


@pytest.mark.parametrize("size", [1, 2, 4, 8, 16])
def test_rounds_of_any_size_fill_all_strata(size: int) -> None:
    past = np.empty(0)
    while len(past) < 64:
        past = np.concatenate([past, stratified_complement(past, size)])
        if len(past) == 16:
            np.testing.assert_allclose(np.sort(past), SITES)
            assert gap(past) == pytest.approx(1 / 32)
    assert gap(past) <= 1 / 32


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 8])
def test_rounding_of_the_past_changes_nothing(size: int) -> None:
    past, noise = np.empty(0), np.random.default_rng(0)
    while len(past) < 64:  # chosen ones are at sites themselves, where halves arise
        chosen = stratified_complement(past, size)
        for _ in range(5):
            rounded = past * (1 + 1e-14 * noise.standard_normal(len(past)))
            np.testing.assert_array_equal(stratified_complement(rounded, size), chosen)
        past = np.concatenate([past, chosen])


def test_many_at_once_are_the_midpoints() -> None:
    np.testing.assert_allclose(stratified_complement(np.empty(0), 64), (np.arange(64) + 0.5) / 64)


@pytest.mark.parametrize(("length", "size"), [(100, 16), (1000, 64), (100_000, 1000)])
def test_makes_independent_numbers_more_uniform(length: int, size: int) -> None:
    past = np.random.default_rng(0).random(length)
    together = np.concatenate([past, stratified_complement(past, size)])
    # as many that know nothing of the past, themselves without any gap
    blind = np.concatenate([past, (np.arange(size) + 0.5) / size])
    assert cramer_von_mises(together) < cramer_von_mises(blind) < cramer_von_mises(past)


def test_makes_up_for_what_is_missing() -> None:
    past = np.linspace(0.5, 1, 20)
    assert stratified_complement(past, 20).max() < 0.52
