"""Casts to at least float32, distances without cancellation, and products outside of autocast."""

import torch

from hawc.precision import exact_distances, full_precision, without_autocast


def test_half_precision_and_integers_are_raised_and_the_rest_is_unchanged() -> None:
    x = torch.ones(3, dtype=torch.float32)
    assert full_precision(x) is x
    assert full_precision(x.bfloat16()).dtype == torch.float32
    assert full_precision(x.bool()).dtype == torch.float64


def test_distances_far_from_the_origin_keep_their_digits() -> None:
    x = torch.full((40, 3), 4096.0, dtype=torch.float32)
    y = x + 2**-9
    expected = torch.full((40, 40), 3**0.5 * 2**-9, dtype=torch.float32)
    assert torch.allclose(exact_distances(x, y), expected, rtol=1e-6, atol=0)
    assert not torch.allclose(torch.cdist(x, y), expected, rtol=0.5, atol=0)


def test_products_keep_their_precision_within_autocast() -> None:
    x = torch.ones(2, 2, dtype=torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        assert (x @ x).dtype == torch.bfloat16
        with without_autocast(x):
            assert (x @ x).dtype == torch.float32
