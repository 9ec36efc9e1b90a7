"""Generators by seed and length of the history."""

import torch

from hawc.samplers.seeding import generator_at


def test_depends_only_on_seed_and_length() -> None:
    first, again = (torch.randn(4, generator=generator_at(1, 16)) for _ in range(2))
    others = [torch.randn(4, generator=generator_at(*pair)) for pair in ((0, 16), (1, 17), (16, 1))]
    assert torch.equal(first, again)
    assert all(not torch.equal(first, other) for other in others)


def test_does_not_change_global_random_numbers() -> None:
    before = torch.get_rng_state()
    torch.randn(4, generator=generator_at(0, 0))
    assert torch.equal(torch.get_rng_state(), before)
