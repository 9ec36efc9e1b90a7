"""Derived seeds: one per seed and stream, equal on every machine."""

from datamodules.seeding import derived_seed


def test_seeds_and_streams_have_different_seeds_of_64_bits() -> None:
    seeds = {derived_seed(seed, stream) for seed in range(20) for stream in range(20)}
    assert len(seeds) == 400
    assert 2**62 < max(seeds) < 2**64


def test_a_stream_does_not_change_between_versions() -> None:
    # the order of every training epoch depends on it
    assert derived_seed(0, 1) == 5_836_529_245_451_711_556
