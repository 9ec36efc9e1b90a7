"""FeatureSampler in rare situations: conflicts, errors, histories of users, other histories."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from hawc.history import (
    DatabaseHistory,
    HistoryConflictError,
    HistoryStoreError,
    MemoryHistory,
)
from hawc.samplers import Features, FeatureSampler, LatentsWithFeatures
from hawc.targets import StandardNormal
from tests.hawc.samplers.forwarding import ForwardingHistory
from tests.hawc.samplers.generators import PRIOR, Decoder, sampler_of, seeded


@pytest.fixture(autouse=True)
def float32_by_default(float64_by_default: None) -> None:
    torch.set_default_dtype(torch.float32)  # a user's


class Failing(MemoryHistory):
    """A history whose first appends fail."""

    errors: tuple[Exception, ...] = ()

    def append(self, points: Any, *, expected_length: int, **notes: Any) -> None:
        if self.errors:
            error, *self.errors = self.errors
            raise error
        super().append(points, expected_length=expected_length, **notes)


def failing(*errors: Exception) -> Failing:
    history = Failing()
    history.errors = errors
    return history


@pytest.mark.parametrize("num_conflicts", [1, 2])
def test_no_image_is_chosen_twice_after_a_conflict(num_conflicts: int) -> None:
    history = failing(*[HistoryConflictError("another process was faster")] * num_conflicts)
    quality = {"quality": lambda x: x.flatten(1).sum(1), "quality_weight": 1e6}
    sampler = sampler_of(history=history, num_candidates=6, min_distance=0.0, **quality)
    latents = sampler.sample(4, generator=seeded())
    assert len(latents.unique(dim=0)) == 4


def test_an_error_leaves_no_images_in_memory() -> None:
    class Image:
        count = 0

        def __init__(self, pixels: Tensor) -> None:
            self.pixels = pixels
            Image.count += 1

        def __del__(self) -> None:
            Image.count -= 1

    decoder = Decoder()
    sampler = sampler_of(
        lambda z: [Image(pixels) for pixels in decoder(z)],
        lambda images: torch.stack([image.pixels for image in images]).flatten(1),
        history=failing(HistoryStoreError("the disk is full")),
    )
    with pytest.raises(HistoryStoreError, match="the disk is full"):
        sampler.sample_images(2, generator=seeded())
    assert Image.count == 0


def test_images_of_several_sizes_are_a_list() -> None:
    def sounds(z: Tensor) -> list[Tensor]:
        return [torch.full((2 + k % 2,), float(row[0])) for k, row in enumerate(z)]

    sampler = sampler_of(
        sounds, lambda x: torch.stack([s[:2] for s in x]), num_candidates=6, batch_size=4
    )
    sampled = sampler.sample_images(6, generator=seeded())
    assert sorted({len(sound) for sound in sampled.images}) == [2, 3]


def test_a_history_that_does_not_fit_is_refused_each_time(tmp_path: Path) -> None:
    url = tmp_path / "images.db"
    DatabaseHistory(url, LatentsWithFeatures(PRIOR, Features(12, "clip")), create=True)
    sampler = sampler_of()
    sampler.history = DatabaseHistory(url)
    for _ in range(2):
        with pytest.raises(ValueError, match="`history` must be a gallery of"):
            sampler.sample(2, generator=seeded())
    assert len(DatabaseHistory(url)) == 0


@pytest.mark.parametrize("is_used", [False, True])
def test_an_assigned_history_of_points_learns_its_features(is_used: bool) -> None:
    sampler = sampler_of()
    if is_used:
        sampler.sample(2, generator=seeded())
    sampler.history = MemoryHistory(20)
    sampler.sample(2, generator=seeded())
    assert (sampler.history.num_features, len(sampler.history.candidates())) == (12, 32)


def test_an_assigned_gallery_of_features_alone_gets_latents(tmp_path: Path) -> None:
    history = DatabaseHistory(tmp_path / "images.db", create=True)
    history.add(torch.randn(3, 12, generator=seeded(1)))
    sampler = sampler_of()
    sampler.sample(2, generator=seeded())
    sampler.history = DatabaseHistory(tmp_path / "images.db")
    assert sampler.sample_images(2, generator=seeded()).ids == range(3, 5)


def test_an_assigned_history_of_other_features_is_refused() -> None:
    sampler = sampler_of()
    sampler.sample(2, generator=seeded())
    with pytest.raises(ValueError, match="`history` must hold rows with 12 features"):
        sampler.history = MemoryHistory(20, num_features=5)


def test_a_users_history_works_with_all_settings() -> None:
    sampler = sampler_of(history=ForwardingHistory(MemoryHistory(20)), avoid="gallery")
    for day in range(2):
        sampled = sampler.sample_images(2, generator=seeded(day))
    assert torch.equal(sampler.remake(sampled.ids), sampled.images)
    assert sampler.report().num_images == 4


def test_a_single_candidate_needs_no_distance() -> None:
    sampler = sampler_of(num_candidates=1, min_distance="25%")
    for day in range(3):
        sampler.sample(1, generator=seeded(day))
    assert len(sampler.history.candidates()) == 3


def test_bad_metadata_is_refused_before_anything_is_decoded() -> None:
    decoder = Decoder()
    sampler = sampler_of(decoder)
    for metadata in ({"when": object()}, [{}]):
        with pytest.raises(ValueError, match="`metadata` must be"):
            sampler.sample(2, generator=seeded(), metadata=metadata)
    assert decoder.count == 0


def test_candidates_that_cannot_be_kept_do_not_lose_a_recorded_batch() -> None:
    class Full(MemoryHistory):
        def add_candidates(self, features: Any) -> None:
            raise HistoryStoreError("the disk is full.")

    sampler = sampler_of(history=Full())
    with pytest.warns(UserWarning, match="the disk is full"):
        latents = sampler.sample(2, generator=seeded())
    assert torch.equal(sampler.history.points()[:, :8], latents)


def test_a_wrong_argument_creates_nothing(tmp_path: Path) -> None:
    history = DatabaseHistory(tmp_path / "images.db", create=True)
    for wrong in ({"min_distance": -1.0}, {"batch_size": 0}, {"latent_shape": (3,)}):
        with pytest.raises(ValueError, match=f"`{next(iter(wrong))}` must"):
            sampler_of(history=history, data=StandardNormal(12), **wrong)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("is_added_first", [False, True])
def test_images_are_added_before_the_first_batch(is_added_first: bool) -> None:
    history = MemoryHistory()
    sampler = None if is_added_first else sampler_of(history=history)
    added = torch.randn(3, 12, generator=seeded(1))
    history.add(added)
    sampler = sampler or sampler_of(history=history)
    report = sampler.report()
    assert report.closest_pair == pytest.approx(float(torch.pdist(added).min()))
    assert math.isnan(report.lengths[0])
    with pytest.raises(ValueError, match="was added without a latent"):
        sampler.remake(0)
    sampled = sampler.sample_images(2, generator=seeded())
    assert sampled.ids == range(3, 5)
    assert (history.dim, history.num_features) == (20, 12)
    assert torch.equal(history.points()[:3, 8:], added)


@pytest.mark.usefixtures("no_shape_checks")
@pytest.mark.parametrize(
    ("name", "value"),
    [("decode", 3), ("features", None), ("preview", "a"), ("quality", "a"),
     ("features_name", 3), ("generator_name", b"x"), ("latent_shape", 8)],
)  # fmt: skip
def test_refuses_arguments_before_anything_is_decoded(name: str, value: Any) -> None:
    settings = {"decode": Decoder(), "features": torch.clone, name: value}
    with pytest.raises(ValueError, match=f"`{name}` must be"):
        FeatureSampler(PRIOR, **settings)


def test_a_number_is_no_batch_of_images() -> None:
    sampler = sampler_of(lambda z: z.sum(), lambda x: torch.zeros(32, 2))
    with pytest.raises(ValueError, match="`decode` must return a tensor, an array or a list of 32"):
        sampler.sample_images(2, generator=seeded())


def test_one_row_or_none_is_made_again() -> None:
    sampler = sampler_of(batch_size=1)
    sampled = sampler.sample_images(2, generator=seeded())
    assert torch.equal(sampler.remake(1), sampled.images[1:])
    with pytest.raises(ValueError, match="`ids` must name at least one row"):
        sampler.remake([])
    with pytest.raises(ValueError, match="the history has none"):
        sampler_of().remake([0])
