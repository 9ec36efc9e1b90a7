"""Stratified numbers in [0, 1] that complement given ones."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["stratified_complement"]

_FEWEST_SITES, _MOST_SITES = 2**4, 2**16
_TIED = 1e-9  # far above the rounding of float64


def stratified_complement(past: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Returns ascending numbers that are, with the given ones, closest to uniform.

    Let T be the number of all, and N(q) and M(q) the numbers of given and new ones below q. The
    new numbers minimize the Cramer-von Mises distance

        int_0^1 (N(q) + M(q) - T q)^2 dq.

    They lie on the midpoints of 2^m equal strata, at least T of them. The optimal M is the rounded
    isotonic regression of T q - N(q), so no search is needed. Rounds of any size fill the same
    strata: after 16, 32, 64, ... numbers each stratum holds one.

    Args:
        past: numbers in [0, 1], in any order.
        size: how many to return, at least 1.
    """
    total = len(past) + size
    count = max(_FEWEST_SITES, min(_MOST_SITES, 1 << (total - 1).bit_length()))
    sites = (np.arange(count) + 0.5) / count
    edges = np.concatenate([[0.0], sites, [1.0]])  # M is constant between them
    widths = np.diff(edges)
    missing = total * 0.5 * (edges[1:] + edges[:-1]) - np.diff(_integral(past, edges)) / widths
    from scipy.optimize import isotonic_regression  # takes a third of a second to import

    best = isotonic_regression(missing[1:-1], weights=widths[1:-1]).x
    # sites are dyadic, so halves are common; all are rounded up, in spite of rounding errors
    steps = np.floor(np.clip(best, 0, size) + 0.5 + _TIED).astype(np.int64)
    return np.repeat(sites, np.diff(steps, prepend=0, append=size))


def _integral(past: NDArray[np.float64], at: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns int_0^x N(q) dq at each x."""
    ordered = np.sort(past)
    below = np.searchsorted(ordered, at)
    sums = np.concatenate([[0.0], np.cumsum(ordered)])
    return np.asarray(below * at - sums[below])
