"""FeatureSampler: closed-form cases, memory, seeds, the caller's modules."""

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
from hawc.history import DatabaseHistory, HistoryConflictError, MemoryHistory
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


def test_features_that_are_the_latents_make_it_compression() -> None:
    found = sampler_of(num_steps=100, min_distance=0.0).sample(10, generator=seeded())
    typical = compress(PLANE, 10, solver=Typical(), generator=seeded()).points
    assert distance(found) < distance(typical)  # lengths are chosen among those of the candidates


def test_candidates_alone_come_close() -> None:
    sampler = sampler_of(num_candidates=1000, num_steps=0)
    found = sampler.sample(10, generator=seeded())
    assert distance(found) < 1.5 * distance(compress(PLANE, 10, generator=seeded()).points)
    assert distance(found) < 0.4 * PLANE.self_energy(KERNEL) / 10  # of ten independent points


def test_candidates_alone_are_draws_of_the_distribution() -> None:
    drawn = torch.randn(30, 2, generator=seeded(1))
    target = Empirical(drawn)
    sampler = FeatureSampler(
        target, decode=same, features=same, data=PLANE, num_candidates=20, num_steps=0
    )
    found = sampler.sample(5, generator=seeded())
    assert torch.cdist(found, drawn).amin(1).max() < 1e-7  # cdist's rounding


def test_a_linear_decoder_is_followed_to_the_data() -> None:
    # images (a, a + b) of N(0, I) are not what the data are: N(0, I), which latents reach that
    # undo the shear; without typicality nothing keeps them from it
    decoder = nn.Linear(2, 2, bias=False)
    decoder.weight.data = torch.tensor([[1.0, 0.0], [1.0, 1.0]])
    sampler = sampler_of(decode=decoder, num_candidates=1000, num_steps=100, typicality=0.0)
    latents = sampler.sample(10, generator=seeded())
    best = distance(compress(PLANE, 10, generator=seeded()).points)
    # lengths are held; elsewhere measured over seeds: 1.03 to 1.07
    assert distance(decoder(latents).detach()) < 1.1 * best
    assert distance(latents) > 2 * best


def test_typicality_holds_latents_to_their_distribution() -> None:
    data = Empirical(torch.full((1, 2), 3.0))
    loose, tight = (
        sampler_of(data, typicality=t, num_steps=50).sample(10, generator=seeded())
        for t in (0.0, 10.0)
    )
    assert distance(tight) < 0.1 * distance(loose)


MODES = torch.tensor([[4, 0], [-4, 0], [0, 4], [0, -4]], dtype=torch.float64)


def quadrants(z: Tensor) -> Tensor:
    """Images of four classes, of which the decoder makes the first one far too often."""
    cuts = torch.tensor([-1.5, -1.0, -0.5])
    return MODES[torch.bucketize(z[:, 0].contiguous(), cuts)] + 0.1 * z[:, 1:]


def classes(images: Tensor) -> Tensor:
    return torch.cdist(images, MODES).argmin(1).bincount(minlength=4)


def test_rare_classes_come_as_often_as_in_the_data() -> None:
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
        remembering, forgetting = (sampler_of(num_steps=50) for _ in range(2))
        generator = seeded(seed)
        first = remembering.sample(5, generator=generator)
        second = remembering.sample(5, generator=generator)
        other = forgetting.sample(5, generator=generator)
        return distance(torch.cat([first, second])), distance(torch.cat([first, other]))

    together, apart = zip(*(distances(seed) for seed in range(5)), strict=True)
    assert sum(together) < 0.8 * sum(apart)  # elsewhere measured: 0.69


@pytest.mark.parametrize("num_steps", [0, 50])
def test_keeps_new_images_from_all_others(num_steps: int) -> None:
    def nearest(min_distance: float) -> float:
        sampler = sampler_of(num_candidates=300, num_steps=num_steps, min_distance=min_distance)
        generator = seeded()
        for _ in range(3):
            sampler.sample(5, generator=generator)
        return float(torch.pdist(sampler.history.points()[:, 2:]).min())

    assert nearest(0.0) < 0.6  # elsewhere measured: 0.37 to 0.63, over seeds and kinds
    assert nearest(0.7) > 0.67  # 0.69 to 0.71


def test_latents_complement_those_remembered() -> None:
    def together(sampler: FeatureSampler) -> float:
        sampler.sample(5, generator=seeded(1))
        return distance(sampler.history.points()[:, :2])

    def blind() -> FeatureSampler:  # to what it decodes: latents alone can tell
        return sampler_of(
            features=torch.zeros_like, num_candidates=500, num_steps=0, typicality=1.0
        )

    remembering, sequel = blind(), blind()
    first = remembering.sample(5, generator=seeded(2))
    forgotten = torch.cat([first, sequel.sample(5, generator=seeded(1))])
    # elsewhere measured over six seeds: 0.60 to 0.82
    assert together(remembering) < 0.8 * distance(forgotten)


def test_a_point_on_a_remembered_one_finds_away() -> None:
    # the prior has this latent alone, and the gradient is zero there: at the middle of the data,
    # and on a remembered image
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


def test_an_earlier_choice_is_among_the_candidates() -> None:
    best = torch.zeros(1, 2)  # where one point is best
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
    assert all(batch.is_contiguous() for batch in batches)  # or it would hold all features, too
    assert torch.equal(rows[:, :2], torch.cat(batches))
    # products of other sizes may round in another order
    torch.testing.assert_close(rows[:, 2:], decoder(rows[:, :2]).detach())


def test_a_choice_alone_is_what_would_be_drawn_and_is_not_recorded() -> None:
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
    torch.rand(1)  # the global generator has no part in it
    assert torch.equal(series(1), first)
    assert not torch.equal(series(2), first)
    torch.set_rng_state(before)


def test_a_database_joins_several(tmp_path: Path) -> None:
    url, rows = f"sqlite:///{tmp_path}/gallery.db", LatentsWithFeatures(PLANE, PLANE)
    first, second = (sampler_of(history=DatabaseHistory(url, rows)) for _ in range(2))
    mine = first.sample(4, generator=seeded())
    others = second.sample(4, generator=seeded())
    recorded = DatabaseHistory(url, rows).points()
    assert torch.equal(recorded[:, :2], torch.cat([mine, others]))
    assert torch.cdist(mine, others).min() > 0.1  # one seed, and no repetition


def test_a_gallery_of_other_data_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/gallery.db"
    history = DatabaseHistory(url, LatentsWithFeatures(PLANE, PLANE))
    with pytest.raises(ValueError, match=r"`history` must be a gallery of Latents.*data=Empirical"):
        sampler_of(Empirical(torch.randn(5, 2)), history=history)


def test_chooses_again_when_somebody_else_was_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    history = MemoryHistory(4)
    sampler, twin = (sampler_of(history=history, num_steps=20) for _ in range(2))
    append, refused = history.append, []

    def overtaken(points: Tensor, *, expected_length: int) -> None:
        monkeypatch.setattr(history, "append", append)
        twin.sample(10, generator=seeded())
        try:
            append(points, expected_length=expected_length)
        except HistoryConflictError:
            refused.append(points)
            raise

    monkeypatch.setattr(history, "append", overtaken)
    sampler.sample(10, generator=seeded())
    assert len(refused) == 1
    latents = history.points()[:, :2]
    assert len(latents) == 20
    # the twin made the first choice, which was among the second one's candidates
    assert torch.equal(latents[:10], refused[0][:, :2])
    assert torch.pdist(latents).min() > 0.05
    assert distance(latents) < 1.3 * 0.00655  # what two rounds of `compress` reach


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_works_where_gradients_are_off(mode: Callable[[], torch.no_grad]) -> None:
    sampler = sampler_of(decode=nn.Linear(2, 2))
    with mode():
        sampler.sample(2, generator=seeded())
    assert sampler.sample(2, generator=seeded()).isfinite().all()


def test_modules_are_left_as_they_were() -> None:
    decoder = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Dropout())
    before = {name: value.clone() for name, value in decoder.state_dict().items()}
    sampler_of(decode=decoder, features=nn.Linear(2, 2).eval()).sample(3, generator=seeded())
    assert all(part.training for part in decoder.modules())
    assert all(weight.grad is None and weight.requires_grad for weight in decoder.parameters())
    assert all(torch.equal(value, before[name]) for name, value in decoder.state_dict().items())


def test_one_candidate_is_turned_and_keeps_its_length() -> None:
    data = Empirical(torch.tensor([[3.0, 0.0]]))
    settings = {"num_candidates": 1, "typicality": 0.0}
    start = sampler_of(data, num_steps=0, **settings).sample(1, generator=seeded())
    found = sampler_of(data, num_steps=50, **settings).sample(1, generator=seeded())
    # the nearest point to the data on that circle
    expected = torch.tensor([[float(start.norm()), 0.0]])
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-3)
    assert start[0, 0] < 0.9 * float(start.norm())


def test_example_in_the_docstring_runs() -> None:
    torch.set_default_dtype(torch.float32)  # a user's
    result = doctest.testmod(importlib.import_module("hawc.samplers.feature"))
    assert result.attempted > 0
    assert result.failed == 0
