"""Casts to at least float32, and products that autocast leaves alone."""

import torch

from hawc.precision import full_precision, without_autocast


def test_half_precision_and_integers_are_raised_and_the_rest_is_unchanged() -> None:
    x = torch.ones(3, dtype=torch.float32)
    assert full_precision(x) is x
    assert full_precision(x.bfloat16()).dtype == torch.float32
    assert full_precision(x.bool()).dtype == torch.float64


def test_products_keep_their_precision_within_autocast() -> None:
    x = torch.ones(2, 2, dtype=torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        assert (x @ x).dtype == torch.bfloat16
        with without_autocast(x):
            assert (x @ x).dtype == torch.float32
