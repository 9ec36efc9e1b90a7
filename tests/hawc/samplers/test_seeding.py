"""Generators by seed and length of the history."""

import torch

from hawc.samplers.seeding import derived_seed, generator_at, unpredictable_generator


def test_depends_only_on_seed_and_length() -> None:
    first, again = (torch.randn(4, generator=generator_at(1, 16)) for _ in range(2))
    others = [torch.randn(4, generator=generator_at(*pair)) for pair in ((0, 16), (1, 17), (16, 1))]
    assert torch.equal(first, again)
    assert all(not torch.equal(first, other) for other in others)


def test_does_not_change_global_random_numbers() -> None:
    before = torch.get_rng_state()
    torch.randn(4, generator=generator_at(0, 0))
    assert torch.equal(torch.get_rng_state(), before)


def test_seeds_stay_those_of_earlier_runs() -> None:
    """Other values would change every resumed run."""
    assert derived_seed(0, 0) == 15793235383387715774
    assert derived_seed(3, 17, 1) == 12599876841750500891


def test_unpredictable_generators_differ() -> None:
    first, second = unpredictable_generator(), unpredictable_generator()
    assert first.initial_seed() != second.initial_seed()
