"""New images beside existing ones of a tiny model."""

import pytest
import torch
from torch import Tensor

from benchmarks import existing_images
from benchmarks.existing_images import Existing, Setting, measured, sampled
from tests.helpers import tiny_vae


class FakeNetwork:
    """Its features are the first two pixels."""

    def __call__(self, images: Tensor) -> Tensor:
        return images.flatten(1)[:, :2]


NETWORKS = {role: FakeNetwork() for role in ("choosing", "judging")}


def images_of(*values: float) -> Tensor:
    images = torch.zeros(len(values), 1, 8, 8)
    images[:, 0, 0, 0] = torch.tensor(values)
    return images


def test_copies_are_close_and_others_are_not() -> None:
    existing = Existing(images_of(0.0, 0.1, 0.3, 0.6, 1.0), NETWORKS)  # type: ignore[arg-type]
    assert existing.close(FakeNetwork()(images_of(0.3, 2.0, 3.0, 4.0)), "judging") == 0.25
    assert existing.close(FakeNetwork()(images_of(2.0, 3.0)), "choosing") == 0
    assert existing.repeats(FakeNetwork()(images_of(5.0, 6.0, 5.0, 5.0))) == 0.5


@pytest.mark.parametrize("distance", [None, "25% of 50"])
def test_new_images_keep_away_from_existing_ones(
    monkeypatch: pytest.MonkeyPatch, distance: str | None
) -> None:
    monkeypatch.setattr(existing_images, "ROUNDS", 3)
    model = tiny_vae()
    with torch.no_grad():
        latents = existing_images.iid_latents(model, 50, 0)
        existing = Existing(model.decode(latents), NETWORKS)  # type: ignore[arg-type]
    known = existing.features["choosing"]
    setting = Setting(distance, 64, 0)
    latents = sampled(model, FakeNetwork(), known, setting, 1)  # type: ignore[arg-type]
    assert latents.shape == (12, model.prior.dim)
    assert torch.isfinite(latents).all()
    own = torch.rand(20, 2, generator=torch.Generator().manual_seed(0))
    values = measured(model, NETWORKS, existing, own, latents)  # type: ignore[arg-type]
    assert values["close, choosing"] <= 0.25
    assert 0.01 < values["shortest"] < values["length"] < values["longest"] < 0.99
