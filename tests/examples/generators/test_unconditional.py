from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("diffusers", reason="uv sync --group generators")

from PIL import Image

from examples.generators import unconditional
from examples.generators.tiny_diffusion import unconditional_model
from hawc import FeatureSampler, StandardNormal
from networks import RandomConvFeatures


@pytest.fixture
def sampler(tmp_path: Path) -> FeatureSampler:
    return unconditional.sampler_of(*unconditional_model(), tmp_path / "images.db")


def test_noise_determines_the_image() -> None:
    noise = StandardNormal(768).sample(2, generator=torch.Generator().manual_seed(0))
    noise = noise.reshape(2, 3, 16, 16)
    model = unconditional_model()
    images = unconditional.denoised(*model, noise)
    assert torch.equal(unconditional.denoised(*model, noise), images)
    assert images.amin() >= 0
    assert images.amax() <= 1
    assert (images[0] - images[1]).abs().mean() > 0.1


def test_images_are_made_again_and_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for count in (8, 16):  # on two days
        unconditional.main([str(tmp_path / "images.db")])
        assert f"{count} images are remembered" in capsys.readouterr().out
    with Image.open(tmp_path / "images.png") as sheet:
        assert sheet.height > 2 * 16
        assert np.asarray(sheet).std() > 10


def test_another_network_for_features_is_refused(
    tmp_path: Path, sampler: FeatureSampler, monkeypatch: pytest.MonkeyPatch
) -> None:
    sampler.sample(2, generator=torch.Generator().manual_seed(0))
    network = RandomConvFeatures(unconditional.SHAPE, seed=1)  # with as many features
    monkeypatch.setattr(unconditional, "FEATURES", network)
    monkeypatch.setattr(unconditional, "FEATURES_NAME", "RandomConvFeatures, seed 1")
    model = unconditional_model()
    with pytest.raises(ValueError, match="seed 1"):
        unconditional.sampler_of(*model, tmp_path / "images.db")
    assert len(sampler.history) == 2
