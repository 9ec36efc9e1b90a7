"""SobolSampler: SciPy's sequence, continued over calls, mapped to the target."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from hawc.distances import squared_distance_to
from hawc.history import MemoryHistory
from hawc.kernels import HuberEnergy
from hawc.samplers.sobol import SobolSampler
from hawc.targets import StandardNormal, StudentT, UniformCube

KERNEL = HuberEnergy()


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("dim", [1, 3, 64])
@pytest.mark.filterwarnings("error")  # SciPy's about powers of two
def test_is_scipys_sequence_mapped_by_the_normal_quantiles(dim: int) -> None:
    sampler = SobolSampler(StandardNormal(dim), seed=7)
    points = sampler.sample(64, generator=seeded())
    engine = stats.qmc.Sobol(dim, rng=np.random.default_rng(7))
    cube = torch.from_numpy(engine.random(64))
    # shifted by half a cell of 2^-30: a coordinate 0 has no finite quantile
    shift = torch.special.ndtr(points) - cube
    torch.testing.assert_close(shift, torch.full_like(cube, 2**-31), rtol=0, atol=1e-14)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=5), st.integers(0, 2**32))
@pytest.mark.filterwarnings("error")
def test_several_calls_and_samplers_give_one_sequence(sizes: list[int], seed: int) -> None:
    target, history = StandardNormal(3), MemoryHistory(3)
    for n, generator_seed in zip(sizes, itertools.count()):
        # as in another process, which shares only the history
        sampler = SobolSampler(target, history=history, seed=seed)
        sampler.sample(n, generator=seeded(generator_seed))
    whole = SobolSampler(target, seed=seed).sample(sum(sizes), generator=seeded())
    assert torch.equal(history.points(), whole)


def test_forgotten_points_keep_their_places_in_the_sequence() -> None:
    sampler = SobolSampler(StandardNormal(3))
    sampler.sample(4, generator=seeded())
    sampler.history.forget([1, 2])
    whole = SobolSampler(StandardNormal(3)).sample(8, generator=seeded())
    assert torch.equal(sampler.sample(4, generator=seeded()), whole[4:])


def test_seeds_scramble_differently() -> None:
    first, second = (
        SobolSampler(StandardNormal(2), seed=seed).sample(8, generator=seeded()) for seed in (0, 1)
    )
    assert not torch.equal(first, second)


def test_is_closer_to_the_target_than_independent_samples() -> None:
    target = StandardNormal(2)
    distances = [
        float(squared_distance_to(KERNEL, points, target))
        for seed in range(20)
        for points in [SobolSampler(target, seed=seed).sample(64, generator=seeded())]
    ]
    # measured: mean of 20 seeds 0.00166, of i.i.d. samples 0.01385
    assert np.mean(distances) == pytest.approx(0.00166, rel=0.1)


def test_long_sequences_stay_finite() -> None:
    points = SobolSampler(StandardNormal(1)).sample(2**17, generator=seeded())
    assert points.isfinite().all()
    assert float(points.std()) == pytest.approx(1, abs=1e-3)


def test_a_scaled_cube_is_filled_evenly() -> None:
    target = UniformCube(3, -1.0, 5.0)
    points = SobolSampler(target, seed=4).sample(8, generator=torch.Generator())
    unit = SobolSampler(UniformCube(3), seed=4).sample(8, generator=torch.Generator())
    torch.testing.assert_close(points, -1 + 6 * unit)
    # a sequence in base 2: each eighth of every axis holds one of the first eight points
    assert (unit * 8).floor().sort(dim=0).values.tolist() == [[i] * 3 for i in range(8)]


def test_rejects_targets_without_a_map() -> None:
    with pytest.raises(ValueError, match=r"`target` must be .*, got StudentT\(dim=2"):
        SobolSampler(StudentT(2))


def test_rejects_a_negative_seed() -> None:
    with pytest.raises(ValueError, match="`seed` must be at least 0, got -1"):
        SobolSampler(StandardNormal(2), seed=-1)
