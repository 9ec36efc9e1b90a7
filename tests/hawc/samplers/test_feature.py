"""FeatureSampler: cases in closed form, the objective, the history, seeds."""

import doctest
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from hawc.compression import Typical, compress
from hawc.distances import squared_distance_to
from hawc.history import DatabaseHistory, MemoryHistory
from hawc.kernels import HuberEnergy
from hawc.samplers.feature import FeatureSampler
from hawc.samplers.latents_with_features import LatentsWithFeatures
from hawc.targets import AbstractTarget, Empirical, StandardNormal

KERNEL = HuberEnergy()
PLANE = StandardNormal(2)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def same(x: Tensor) -> Tensor:
    return x


def sampler_of(data: AbstractTarget = PLANE, **settings: Any) -> FeatureSampler:
    quick = {"decode": same, "features": same, "num_candidates": 50, "num_steps": 5}
    return FeatureSampler(PLANE, data=data, **{**quick, **settings})


def distance(points: Tensor, target: AbstractTarget = PLANE) -> float:
    return float(squared_distance_to(KERNEL, points, target))


def test_with_latents_as_features_it_is_compression() -> None:
    latents = sampler_of(num_steps=100, min_distance=0.0).sample(10, generator=seeded())
    typical = compress(PLANE, 10, solver=Typical(), generator=seeded()).points
    # better, since lengths are chosen among those of the candidates
    assert distance(latents) < distance(typical)


def test_candidates_alone_are_nearly_as_good() -> None:
    sampler = sampler_of(num_candidates=1000, num_steps=0)
    latents = sampler.sample(10, generator=seeded())
    assert distance(latents) < 1.5 * distance(compress(PLANE, 10, generator=seeded()).points)
    assert distance(latents) < 0.4 * PLANE.self_energy(KERNEL) / 10  # ten independent points


@pytest.mark.parametrize("num_steps", [0, None])
def test_a_prior_without_lengths_is_chosen_from(num_steps: int | None) -> None:
    points = torch.randn(30, 2, generator=seeded(1))
    sampler = FeatureSampler(
        Empirical(points),
        decode=same,
        features=same,
        data=PLANE,
        num_candidates=20,
        num_steps=num_steps,
    )
    latents = sampler.sample(5, generator=seeded())
    assert torch.cdist(latents, points).amin(1).max() < 1e-7  # cdist's rounding


def test_latents_undo_the_shear_of_a_linear_decoder() -> None:
    # Images (a, a + b) of a, b ~ N(0, 1) differ from the data, N(0, I). Latents that undo the shear
    # match the data, and typicality = 0 allows them.
    decoder = nn.Linear(2, 2, bias=False)
    decoder.weight.data = torch.tensor([[1.0, 0.0], [1.0, 1.0]])
    sampler = sampler_of(decode=decoder, num_candidates=1000, num_steps=100, typicality=0.0)
    latents = sampler.sample(10, generator=seeded())
    best = distance(compress(PLANE, 10, generator=seeded()).points)
    # lengths are fixed; measured over seeds: 1.03 to 1.07
    assert distance(decoder(latents).detach()) < 1.1 * best
    assert distance(latents) > 2 * best


def test_typicality_keeps_latents_close_to_the_prior() -> None:
    data = Empirical(torch.full((1, 2), 3.0))
    loose, tight = (
        sampler_of(data, typicality=t, num_steps=50).sample(10, generator=seeded())
        for t in (0.0, 10.0)
    )
    assert distance(tight) < 0.1 * distance(loose)


MODES = torch.tensor([[4, 0], [-4, 0], [0, 4], [0, -4]], dtype=torch.float64)


def quadrants(z: Tensor) -> Tensor:
    """Returns images of four classes, the first one far too often."""
    cuts = torch.tensor([-1.5, -1.0, -0.5])
    return MODES[torch.bucketize(z[:, 0].contiguous(), cuts)] + 0.1 * z[:, 1:]


def classes(images: Tensor) -> Tensor:
    return torch.cdist(images, MODES).argmin(1).bincount(minlength=4)


def test_rare_classes_are_sampled_as_often_as_in_the_data() -> None:
    target = StandardNormal(2)
    data = Empirical(MODES.repeat(25, 1) + 0.1 * torch.randn(100, 2, generator=seeded(1)))
    sampler = FeatureSampler(
        target, decode=quadrants, features=same, data=data, num_candidates=300, num_steps=0
    )
    generator = seeded()
    for total in (1, 2, 3):
        sampler.sample(4, generator=generator)
        latents = sampler.history.points()[:, :2]
        assert classes(quadrants(latents)).tolist() == [total] * 4
    independent = classes(quadrants(target.sample(4000, generator=seeded())))
    assert independent.max() > 6 * independent.min()


def test_a_second_batch_complements_the_first() -> None:
    def distances(seed: int) -> tuple[float, float]:
        sampler, without_past = (sampler_of(num_steps=50) for _ in range(2))
        generator = seeded(seed)
        first = sampler.sample(5, generator=generator)
        second = sampler.sample(5, generator=generator)
        other = without_past.sample(5, generator=generator)
        return distance(torch.cat([first, second])), distance(torch.cat([first, other]))

    together, separate = zip(*(distances(seed) for seed in range(8)), strict=True)
    assert sum(together) < 0.9 * sum(separate)  # over twelve seeds: 0.81


@pytest.mark.parametrize("num_steps", [0, 50])
def test_images_keep_the_minimum_distance(num_steps: int) -> None:
    def nearest(min_distance: float) -> float:
        sampler = sampler_of(num_candidates=300, num_steps=num_steps, min_distance=min_distance)
        generator = seeded()
        for _ in range(3):
            sampler.sample(5, generator=generator)
        return float(torch.pdist(sampler.history.points()[:, 2:]).min())

    assert nearest(0.0) < 0.6  # measured over seeds: 0.37 to 0.63
    assert nearest(0.7) > 0.67  # measured: 0.69 to 0.71


def test_latents_complement_remembered_latents() -> None:
    def blind() -> FeatureSampler:  # its features are constant, so only latents differ
        return sampler_of(
            features=torch.zeros_like, num_candidates=500, num_steps=0, typicality=1.0
        )

    together, separate = 0.0, 0.0
    for seed in range(10):
        sampler, without_past = blind(), blind()
        first = sampler.sample(5, generator=seeded(100 + seed))
        sampler.sample(5, generator=seeded(seed))
        together += distance(sampler.history.points()[:, :2])
        second = without_past.sample(5, generator=seeded(seed))
        separate += distance(torch.cat([first, second]))
    assert together < 0.85 * separate  # measured: 0.76, and 0.52 to 0.95 for a single seed


def test_a_latent_with_zero_gradient_is_moved() -> None:
    # The prior has this latent only. The gradient is zero there, since its image lies in the center
    # of the data and on a remembered image.
    target, history = Empirical(torch.zeros(1, 2)), MemoryHistory(4)
    history.append(torch.zeros(1, 4), expected_length=0)
    sampler = FeatureSampler(
        target,
        decode=same,
        features=same,
        data=PLANE,
        history=history,
        typicality=0.0,
        num_steps=50,
    )
    with pytest.warns(UserWarning, match="Latents have left the prior"):
        assert sampler.sample(1, generator=seeded()).norm() > 0.1


def test_the_previous_choice_is_among_the_candidates() -> None:
    best = torch.zeros(1, 2)  # the best single point
    sampler = sampler_of(num_steps=0)
    chosen = sampler.choose(1, torch.empty(0, 4), seeded(), torch.cat([best, best], dim=1))
    assert not chosen.any()


def test_remembers_latents_with_their_features() -> None:
    decoder = nn.Linear(2, 3)
    data = Empirical(torch.randn(20, 3, generator=seeded(1)))
    sampler, generator = sampler_of(data, decode=decoder), seeded()
    batches = [sampler.sample(n, generator=generator) for n in (1, 4, 2)]
    rows = sampler.history.points()
    assert [batch.shape for batch in batches] == [(1, 2), (4, 2), (2, 2)]
    assert all(
        batch.is_contiguous() for batch in batches
    )  # else it would keep all features in memory
    assert torch.equal(rows[:, :2], torch.cat(batches))
    # matrix products of other sizes may round differently
    torch.testing.assert_close(rows[:, 2:], decoder(rows[:, :2]).detach())


def test_choose_returns_the_rows_of_sample_and_records_nothing() -> None:
    sampler = sampler_of()
    sampler.sample(3, generator=seeded())
    chosen = sampler.choose(4, sampler.history.points(), seeded(1))
    assert chosen.shape == (4, 4)
    assert len(sampler.history) == 3
    assert torch.equal(sampler.sample(4, generator=seeded(1)), chosen[:, :2])


@pytest.mark.parametrize("num_steps", [0, 5])
def test_same_seed_gives_the_same_series(num_steps: int) -> None:
    def series(seed: int) -> Tensor:
        sampler, generator = sampler_of(num_steps=num_steps), seeded(seed)
        return torch.cat([sampler.sample(3, generator=generator) for _ in range(3)])

    before = torch.get_rng_state()
    first = series(1)
    torch.rand(1)  # the global generator is not used
    assert torch.equal(series(1), first)
    assert not torch.equal(series(2), first)
    torch.set_rng_state(before)


def test_samplers_that_share_a_database_complement_each_other(tmp_path: Path) -> None:
    url, rows = f"sqlite:///{tmp_path}/gallery.db", LatentsWithFeatures(PLANE, PLANE)
    first, second = (sampler_of(history=DatabaseHistory(url, rows, create=True)) for _ in range(2))
    one = first.sample(4, generator=seeded())
    other = second.sample(4, generator=seeded())
    recorded = DatabaseHistory(url, rows, create=True).points()
    assert torch.equal(recorded[:, :2], torch.cat([one, other]))
    assert torch.cdist(one, other).min() > 0.1  # no repeat in spite of the same seed


def test_a_gallery_of_other_data_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/gallery.db"
    history = DatabaseHistory(url, LatentsWithFeatures(PLANE, PLANE), create=True)
    with pytest.raises(ValueError, match=r"`history` must be a gallery of Latents.*data=Empirical"):
        sampler_of(Empirical(torch.randn(5, 2)), history=history)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_works_where_gradients_are_off(mode: Callable[[], torch.no_grad]) -> None:
    sampler = sampler_of(decode=nn.Linear(2, 2))
    with mode():
        sampler.sample(2, generator=seeded())
    assert sampler.sample(2, generator=seeded()).isfinite().all()


def test_a_single_candidate_keeps_its_length() -> None:
    data = Empirical(torch.tensor([[3.0, 0.0]]))
    settings = {"num_candidates": 1, "typicality": 0.0}
    start = sampler_of(data, num_steps=0, **settings).sample(1, generator=seeded())
    latent = sampler_of(data, num_steps=50, **settings).sample(1, generator=seeded())
    # the point of the circle that is closest to the data
    expected = torch.tensor([[float(start.norm()), 0.0]])
    torch.testing.assert_close(latent, expected, rtol=0, atol=1e-3)
    assert start[0, 0] < 0.9 * float(start.norm())


def test_example_in_the_docstring_runs() -> None:
    torch.set_default_dtype(torch.float32)  # a user's
    result = doctest.testmod(importlib.import_module("hawc.samplers.feature"))
    assert result.attempted > 0
    assert result.failed == 0


def test_a_smaller_weight_of_the_data_spreads_the_images() -> None:
    def spread(weight: float) -> float:
        sampler = sampler_of(num_candidates=500, num_steps=0, data_weight=weight)
        generator = seeded()
        latents = torch.cat([sampler.sample(5, generator=generator) for _ in range(3)])
        return float(latents.norm(dim=1).mean())

    # of one normal sample 1.25
    assert 1.1 < spread(1.0) < 1.4
    assert spread(0.5) > 1.1 * spread(1.0)
    assert spread(0.0) > 1.1 * spread(0.5)
