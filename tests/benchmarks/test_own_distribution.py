"""FeatureSampler with and without data on a tiny model."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from benchmarks import own_distribution
from benchmarks.measured_rows import MeasuredRow, MeasuredTable
from benchmarks.own_distribution import OwnDigits, other_rows, sampled, settings
from hawc import Empirical
from tests.helpers import tiny_vae


class FakeNetwork:
    """Its features are the first two pixels; ten times the first one is the digit."""

    def __call__(self, images: Tensor) -> Tensor:
        return images.flatten(1)[:, :2]

    def classify(self, images: Tensor) -> Tensor:
        digits = (10 * images.flatten(1)[:, 0]).long().clamp(0, 9)
        return torch.nn.functional.one_hot(digits, 10).float()


def test_images_of_the_generator_are_near_its_own_digits() -> None:
    model = tiny_vae()
    own = OwnDigits(FakeNetwork(), model)  # type: ignore[arg-type]
    assert int(own.counts.sum()) == own_distribution.NUM_OWN
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        images = model.decode(model.prior.sample(500, generator=generator))
    near = own.values(images)
    far = own.values(torch.zeros_like(images))
    assert near["total variation, own"] < 0.1 < far["total variation, own"]
    assert near["energy distance, own"] < far["energy distance, own"]


def test_both_targets_choose_among_the_same_candidates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_distribution, "NUM_IMAGES", 20)
    model, decoded = tiny_vae(), []
    decode = model.decode

    def recorded(latents: Tensor) -> Tensor:
        decoded.append(latents)
        return decode(latents)

    monkeypatch.setattr(model, "decode", recorded)
    data = Empirical(torch.rand(20, 2, generator=torch.Generator().manual_seed(0)))
    candidates = {}
    ways = settings(model, FakeNetwork(), data, 0)  # type: ignore[arg-type]
    for key, make in ways.items():
        decoded.clear()
        latents, seconds = sampled(make(), key[2], 7)
        assert latents.shape == (20, model.prior.dim)
        assert seconds > 0
        candidates[key[1:3]] = decoded[0] if decoded else None
    for at_once in (10, 20):
        with_data = candidates[own_distribution.WITH, at_once]
        assert torch.equal(with_data, candidates[own_distribution.WITHOUT, at_once])


def test_earlier_rows_of_the_same_model_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_distribution, "RESULTS", tmp_path)
    keys = [("FeatureSampler", "none", 10, steps) for steps in ("0", "default")]
    rows = [
        MeasuredRow(dict(zip(own_distribution.COLUMNS, key, strict=True)), [{"x": 1.0}])
        for key in keys
    ]
    MeasuredTable("tiny", "3 epochs.", rows).save(tmp_path)
    assert other_rows("tiny", "3 epochs.", keys[:1]) == rows[1:]
    assert other_rows("tiny", "4 epochs.", keys[:1]) == []
    assert other_rows("another", "3 epochs.", keys[:1]) == []
