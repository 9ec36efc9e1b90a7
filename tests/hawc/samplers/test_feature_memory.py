"""FeatureSampler with what is remembered: conditions, conflicts, rows made again."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from hawc.history import (
    DatabaseHistory,
    Gallery,
    HistoryConflictError,
    HistoryStoreError,
    MemoryHistory,
)
from hawc.samplers import Features, LatentsWithFeatures
from hawc.spacing import spacing
from hawc.targets import Empirical
from tests.hawc.samplers.generators import PRIOR, Decoder, embed, sampler_of, seeded


@pytest.fixture(autouse=True)
def float32_by_default(float64_by_default: None) -> None:
    torch.set_default_dtype(torch.float32)  # a user's


def test_candidates_are_kept_for_the_next_process(tmp_path: Path) -> None:
    url = tmp_path / "a gallery.db"
    for day in range(3):
        history = DatabaseHistory(url, condition="a cat", create=True)
        sampler_of(history=history).sample(4, generator=seeded(day))
    again = DatabaseHistory(url, condition="a cat")
    assert (len(again), len(again.candidates()), again.num_features) == (12, 96, 12)
    assert again.target == repr(LatentsWithFeatures(PRIOR, Features(12)))


def test_an_image_is_made_again_bit_by_bit(tmp_path: Path) -> None:
    url = tmp_path / "images.db"
    history = DatabaseHistory(url, create=True)
    sampled = sampler_of(history=history, batch_size=1).sample_images(4, generator=seeded())
    later = sampler_of(history=DatabaseHistory(url), batch_size=1)
    assert torch.equal(later.remake([3, 1]), sampled.images[[3, 1]])
    row = DatabaseHistory(url)[3]
    assert torch.equal(row.decoded(Decoder()), sampled.images[3])


def test_says_which_rows_cannot_be_made_again() -> None:
    sampler = sampler_of()
    sampler.sample(4, generator=seeded())
    sampler.history.add(torch.zeros(1, 12))
    sampler.history.forget([2])
    for row, reason in ((4, "was added without a latent"), (2, "was forgotten"), (9, "0 to 4")):
        with pytest.raises(ValueError, match=reason):
            sampler.remake([0, row])
    with pytest.raises(ValueError, match=r"`ids` must name at least one row, got none\.$"):
        sampler.remake([])


def test_a_folder_that_is_missing_is_noticed_before_decoding(tmp_path: Path) -> None:
    for place in (tmp_path / "no folder" / "x.db", f"sqlite:///{tmp_path}/x.db?mode=rw"):
        with pytest.raises(HistoryStoreError, match=r"x\.db.* cannot be created: .*exist"):
            DatabaseHistory(place, create=True)
        with pytest.raises(HistoryStoreError, match="cannot be created"):
            Gallery(place, create=True)


class Contested(MemoryHistory):
    """A history to which another process appends just before this one, twice."""

    conflicts = 0
    locked = False

    def append(self, points: Any, *, expected_length: int, **notes: Any) -> None:
        if self.conflicts < 2:
            self.conflicts += 1
            other = torch.cat([torch.randn(1, 8), torch.full((1, 12), 0.1)], dim=1)
            super().append(other, expected_length=expected_length)
            raise HistoryConflictError("another process was faster")
        super().append(points, expected_length=expected_length, **notes)


def test_after_a_conflict_nothing_is_decoded_again() -> None:
    decoder, history = Decoder(), Contested()
    exclusive = history.exclusive
    calls: list[int] = []

    def noting() -> Any:
        calls.append(decoder.count)
        return exclusive()

    history.exclusive = noting  # type: ignore[method-assign]
    sampler = sampler_of(decoder, history=history, num_steps=None)
    sampled = sampler.sample_images(4, generator=seeded())
    assert history.conflicts == 2
    assert calls == [decoder.count], "decoded while the store was locked"
    assert sampled.ids == range(2, 6)
    torch.testing.assert_close(sampled.images, Decoder()(sampled.latents))
    torch.testing.assert_close(history.points()[2:, :8], sampled.latents)


def nearest(features: Tensor, others: Tensor) -> Tensor:
    return torch.cdist(features, others).amin(1)


def test_new_images_keep_away_from_added_ones() -> None:
    every = embed(Decoder()(torch.randn(300, 8, generator=seeded(3))))
    sampler = sampler_of(num_candidates=200, min_distance="25%")
    sampler.sample(1, generator=seeded(1))
    sampler.history.add(every)
    sampler.sample(20, generator=seeded(2))
    features = sampler.history.points()[-20:, 8:]
    independent = embed(Decoder()(torch.randn(1000, 8, generator=seeded(4))))
    threshold = spacing(sampler.history.candidates(), 0.25, 200)
    assert (nearest(independent, every) < threshold).float().mean() > 0.25
    assert (nearest(features, every) < threshold).float().mean() <= 0.05
    lengths = sampler.history.points()[-20:, :8].norm(dim=1)
    assert 1.2 < float(lengths.min()) < float(lengths.max()) < 4.5  # of chi with 8 degrees


def test_forgotten_images_no_longer_count() -> None:
    data = Empirical(embed(Decoder()(torch.randn(200, 8, generator=seeded(3)))))
    sampler, other = sampler_of(data=data), sampler_of(data=data)
    sampler.sample(4, generator=seeded(1))
    sampler.history.forget(range(4))
    fresh = other.sample(4, generator=seeded(2))
    assert torch.equal(sampler.sample(4, generator=seeded(2)), fresh)
    assert len(sampler.history) == 8


def test_other_conditions_are_avoided_on_request(tmp_path: Path) -> None:
    url = tmp_path / "images.db"
    settings = {"num_candidates": 300, "min_distance": 0.9}
    first = sampler_of(history=DatabaseHistory(url, condition="dogs", create=True), **settings)
    dogs = first.sample_images(30, generator=seeded(1))
    closest = {}
    for avoid in ("condition", "gallery"):
        history = DatabaseHistory(url, condition=f"cats {avoid}", create=True)
        sampler = sampler_of(history=history, avoid=avoid, **settings)
        cats = sampler.sample_images(10, generator=seeded(1))
        closest[avoid] = float(nearest(embed(cats.images), embed(dogs.images)).min())
    assert closest["condition"] == 0  # the same seed chooses the same images
    assert closest["gallery"] > 0.7


def test_another_feature_network_is_refused_the_next_day(tmp_path: Path) -> None:
    url = tmp_path / "images.db"
    first = DatabaseHistory(url, create=True)
    sampler_of(history=first, features_name="dino").sample(4, generator=seeded())
    with pytest.raises(ValueError, match="`history` must be"):
        sampler_of(history=DatabaseHistory(url), features_name="clip")
    wide = sampler_of(None, lambda x: embed(x).repeat(1, 2), history=DatabaseHistory(url),
                      features_name="dino")  # fmt: skip
    with pytest.raises(ValueError, match=r"`features` must return shape \(32, 12\)"):
        wide.sample(4, generator=seeded())
    assert len(DatabaseHistory(url)) == 4


def test_metadata_and_generator_are_kept_with_each_image(tmp_path: Path) -> None:
    history = DatabaseHistory(tmp_path / "images.db", create=True)
    sampler = sampler_of(history=history, generator_name="sd 1.5, 0f3a")
    sampler.sample_images(2, generator=seeded(), metadata=[{"file": "a.png"}, {"file": "b.png"}])
    assert [row.metadata for row in history] == [{"file": "a.png"}, {"file": "b.png"}]
    assert history[1].generator_name == "sd 1.5, 0f3a"
