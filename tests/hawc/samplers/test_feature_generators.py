"""FeatureSampler on generators of other people: without data, images of any form."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from hawc.history import DatabaseHistory
from tests.hawc.samplers.generators import Decoder, embed, sampler_of, seeded


@pytest.fixture(autouse=True)
def float32_by_default(float64_by_default: None) -> None:
    torch.set_default_dtype(torch.float32)  # a user's


def test_without_data_it_matches_the_generator_itself() -> None:
    every = embed(Decoder()(torch.randn(4000, 8, generator=seeded(9))))

    def error(rows: Tensor) -> float:
        return float((rows.mean(0) - every.mean(0)).norm())

    own, independent = [], []
    for seed in range(4):
        sampler = sampler_of(num_candidates=200)
        for number in range(4):
            sampler.sample(5, generator=seeded(10 * seed + number))
        own.append(error(sampler.history.points()[:, 8:]))
        independent.append(error(every[100 * seed : 100 * seed + 20]))
    assert sum(own) < 0.6 * sum(independent)


@pytest.mark.parametrize("form", ["tensor", "array", "images"])
def test_returns_the_images_that_it_decoded(form: str) -> None:
    decoder = Decoder()

    def decode(z: Tensor) -> Any:
        array = (127.5 * (decoder(z) + 1)).byte().permute(0, 2, 3, 1).numpy()
        if form == "images":
            return [Image.fromarray(pixels) for pixels in array]
        return array if form == "array" else torch.from_numpy(array)

    def features(images: Any) -> np.ndarray:
        return np.stack([np.asarray(image) for image in images]).reshape(-1, 12) / 255.0

    sampler = sampler_of(decode, features)
    sampler.sample(3, generator=seeded(1))
    decoder.count = 0
    sampled = sampler.sample_images(4, generator=seeded())
    assert decoder.count == 35  # 32 candidates, three of them twice
    assert sampled.ids == range(3, 7)
    assert sampled.latents.shape == (4, 8)
    assert len(sampled.images) == 4
    expected = decode(sampled.latents)
    for image, wanted in zip(sampled.images, expected, strict=True):
        np.testing.assert_array_equal(np.asarray(image), np.asarray(wanted))
    assert type(sampled.images) is type(expected)
    recorded = sampler.history.points()[3:, 8:].numpy()
    np.testing.assert_allclose(recorded, features(sampled.images), rtol=1e-6)


def test_without_a_generator_each_process_has_candidates_of_its_own() -> None:
    first, second = (sampler_of().sample_images(4) for _ in range(2))
    assert not torch.equal(first.latents, second.latents)


def test_images_are_untouched_by_features_in_place() -> None:
    def features(images: Tensor) -> Tensor:
        return images.mul_(100).flatten(1)

    sampled = sampler_of(features=features).sample_images(4, generator=seeded())
    torch.testing.assert_close(sampled.images, Decoder()(sampled.latents))


def test_moved_images_are_those_of_the_returned_latents() -> None:
    decoder = Decoder()
    sampled = sampler_of(decoder, num_steps=3).sample_images(4, generator=seeded())
    torch.testing.assert_close(sampled.images, Decoder()(sampled.latents))


def test_an_object_is_no_batch_of_images() -> None:
    class Output:
        def __init__(self, sample: Tensor) -> None:
            self.sample = sample

    sampler = sampler_of(lambda z: Output(Decoder()(z)), lambda output: output.sample.flatten(1))
    sampler.sample(2, generator=seeded())  # its features can be compared
    with pytest.raises(ValueError, match="`decode` must return a tensor, an array or a list of 32"):
        sampler.sample_images(2, generator=seeded())
    assert len(sampler.history) == 2


def test_latents_have_the_shape_dtype_and_batch_size_asked_for() -> None:
    decoder = Decoder()
    settings = {"latent_shape": (2, 2, 2), "dtype": torch.float16, "batch_size": 5}
    sampler = sampler_of(decoder, num_candidates=12, **settings)
    latents = sampler.sample(3, generator=seeded())
    assert latents.shape == (3, 2, 2, 2)
    assert latents.dtype == torch.float16
    assert [shape for shape, _ in decoder.batches[:3]] == [(5, 2, 2, 2), (5, 2, 2, 2), (2, 2, 2, 2)]
    assert {dtype for _, dtype in decoder.batches} == {torch.float16}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"latent_shape": (3, 3)}, "`latent_shape` must have 8 numbers"),
        ({"latent_shape": (-2, -4)}, "`latent_shape` must be at least 1"),
        ({"dtype": torch.int8}, "`dtype` must be a floating-point type"),
        ({"batch_size": 0}, "`batch_size` must be at least 1"),
        ({"min_distance": "much"}, "`min_distance`"),
        ({"quality_weight": -1.0}, "`quality_weight` must be finite and at least 0"),
    ],
)
def test_rejects_settings(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sampler_of(**settings)


def test_previews_are_compared_and_chosen_images_finished() -> None:
    decoder, previews = Decoder(), Decoder()
    sampler = sampler_of(decoder, preview=lambda z: previews(z)[:, :1], batch_size=4)
    sampled = sampler.sample_images(3, generator=seeded())
    assert (previews.count, decoder.count) == (35, 3)
    assert sampler.history.dim == 8 + 4
    torch.testing.assert_close(sampled.images, Decoder()(sampled.latents))


def test_quality_raises_the_quality_of_the_chosen() -> None:
    def brightness(images: Tensor) -> Tensor:
        return images.mean((1, 2, 3))

    means = {}
    for weight in (0.0, 0.5, 5.0):
        sampler = sampler_of(quality=brightness, quality_weight=weight)
        sampled = [sampler.sample_images(4, generator=seeded(seed)).images for seed in range(5)]
        means[weight] = float(torch.cat(sampled).mean())
    assert means[0.0] < means[0.5] < means[5.0]


@pytest.mark.parametrize("scores", [torch.zeros(5), torch.full((32,), torch.nan)])
def test_rejects_scores_that_are_not_one_finite_number_each(scores: Tensor) -> None:
    sampler = sampler_of(quality=lambda images: scores)
    with pytest.raises(ValueError, match="`quality` must return one finite score per image"):
        sampler.sample(2, generator=seeded())
    assert len(sampler.history) == 0


def out_of_memory(z: Tensor) -> Tensor:
    raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")


@pytest.mark.parametrize(
    ("decode", "features", "message"),
    [
        (lambda z: Decoder()(z)[:-1], embed, r"`features` must return shape \(32, 12\) for 32"),
        (lambda z: list(Decoder()(z))[:3], lambda x: torch.zeros(3, 5), "returned a list of 3"),
        (out_of_memory, embed, "`batch_size` must be small enough for the memory of `decode`"),
        (None, lambda images: embed(images) / 0, "`features` must be finite"),
        (None, lambda images: None, "`features` must return a value"),
    ],
)
def test_one_plain_error_and_nothing_recorded(
    decode: Any, features: Any, message: str, tmp_path: Path
) -> None:
    history = DatabaseHistory(tmp_path / "images.db", create=True)
    sampler = sampler_of(decode, features, history=history)
    with pytest.raises(ValueError, match=message):
        sampler.sample(4, generator=seeded())
    assert len(history) == 0
    assert not (tmp_path / "images.db").exists()


def test_a_function_shows_the_progress() -> None:
    totals: list[int] = []

    def progress(batches: Any) -> Any:
        totals.append(len(batches))
        return batches

    sampler_of(progress=progress, batch_size=10).sample(2, generator=seeded())
    assert totals == [4]


def test_reports_spread_and_lengths() -> None:
    sampler = sampler_of(num_candidates=200)
    with pytest.raises(ValueError, match="sample first"):
        sampler.report()
    for seed in range(3):
        sampler.sample(10, generator=seeded(seed))
    report = sampler.report()
    assert report.num_images == 30
    assert report.closest_pair > report.independent_closest_pair > 0
    assert 0.005 < report.lengths[0] < report.lengths[1] < 0.995
    assert "30 images are remembered" in str(report)


@pytest.mark.gpu
def test_a_half_precision_generator_on_a_gpu_has_its_memory_on_the_cpu(tmp_path: Path) -> None:
    network = torch.nn.Linear(8, 12).to("cuda", torch.float16)
    seen: set[tuple[str, torch.dtype]] = set()

    def decode(z: Tensor) -> Tensor:
        seen.add((z.device.type, z.dtype))
        return network(z).tanh()

    history = DatabaseHistory(tmp_path / "images.db", create=True)
    sampler = sampler_of(decode, torch.clone, history=history, dtype=torch.float16, batch_size=1)
    for seed in range(2):
        generator = torch.Generator("cuda").manual_seed(seed)
        sampled = sampler.sample_images(4, generator=generator)
        assert (sampled.images.device.type, sampled.images.dtype) == ("cuda", torch.float16)
    assert seen == {("cuda", torch.float16)}
    assert history.view().device.type == "cpu"
    assert torch.equal(sampler.remake(sampled.ids, device="cuda"), sampled.images)
