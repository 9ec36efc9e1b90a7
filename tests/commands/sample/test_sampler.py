"""How latents are chosen by features: options, what names them, and the sampler made of them."""

from typing import Any

import pytest
import torch
from lightning import LightningDataModule
from torch import Tensor, nn

from commands.errors import UsageError
from commands.sample.feature_choice import FeatureChoice, FeatureOptions
from networks import DigitFeatures
from tests.helpers import DarkImages, TinyImages, tiny_energy_vae

CPU = torch.device("cpu")


class Sums(nn.Module):
    """Sums of the rows of a image, scaled by a weight that no state dict holds."""

    def __init__(self, scale: float = 1.0) -> None:
        super().__init__()
        self.register_buffer("scale", torch.tensor(scale), persistent=False)
        self.thawed = nn.Parameter(torch.zeros(()))

    def forward(self, images: Tensor) -> Tensor:
        return self.scale * images.sum((1, 3)) + self.thawed


def images(**options: Any) -> TinyImages:
    return TinyImages(batch_size=16, **options)


def choice(
    network: nn.Module, data: LightningDataModule | None = None, **options: Any
) -> FeatureChoice:
    return FeatureOptions(network, **{"num_real": 30, **options}).choice(data or images(), CPU)


def test_the_distribution_is_that_of_the_features_of_training_items() -> None:
    network, data = Sums(), images()
    found = choice(network, data)
    generator = torch.Generator().manual_seed(0)
    drawn = found.data.sample(2000, generator=generator)
    features = network(data.train_examples(30)).detach()
    assert torch.cdist(drawn.double(), features.double()).min(1).values.max() < 1e-6
    assert len(drawn.unique(dim=0)) == 30
    assert not any(weight.requires_grad for weight in network.parameters())


def test_a_gallery_is_for_the_network_and_its_items() -> None:
    target = tiny_energy_vae().prior
    known = repr(choice(Sums()).rows(target))
    assert repr(choice(Sums(), images(), min_distance=1.0, num_steps=3).rows(target)) == known
    others = (
        choice(Sums(2.0)),
        choice(Sums(), num_real=29),
        choice(Sums(), DarkImages(batch_size=16)),
        choice(nn.Flatten()),
    )
    assert len({known, *(repr(other.rows(target)) for other in others)}) == 5


def test_neither_seed_nor_batch_size_make_another_gallery(monkeypatch: pytest.MonkeyPatch) -> None:
    told = set()
    for seed, size in (("0", 16), ("1", 16), ("1", 7)):
        monkeypatch.setenv("PL_GLOBAL_SEED", seed)
        told.add(choice(Sums(), TinyImages(batch_size=size)).seen)
    assert len(told) == 1


def test_the_sampler_has_the_options() -> None:
    torch.manual_seed(0)
    network, model = Sums(), tiny_energy_vae().eval()
    found = choice(network, min_distance=3.0, num_steps=0)
    sampler = found.sampler(model, chunk_size=1200)
    assert sampler.history.dim == found.rows(model.prior).dim == 2 + 8
    generator = torch.Generator().manual_seed(0)
    latents = sampler.sample(1100, generator=generator)  # more than a thousand candidates
    with torch.no_grad():
        seen = network(model.decode(latents))
    assert torch.allclose(sampler.history.points()[:, 2:], seen, atol=1e-4)
    near, apart = (
        torch.pdist(
            choice(network, num_steps=0, min_distance=least)
            .sampler(model, 30)
            .choose(30, torch.empty(0, 10), torch.Generator().manual_seed(0))[:, 2:]
        ).min()
        for least in (0.0, 0.3)
    )
    assert apart > 2 * near


def test_what_the_manifest_is_told() -> None:
    data = TinyImages(batch_size=16)
    told = choice(nn.Flatten(), data, min_distance=0.5, num_steps=3).description
    assert told["feature_network"].startswith("Flatten(start_dim=1, end_dim=-1) sha256=")
    assert told["real_items"].startswith("30 of TinyImages sha256=")
    assert (told["min_distance"], told["num_steps"]) == (0.5, 3)
    assert "role=choosing" in repr(DigitFeatures("choosing"))


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (
            {"feature_network": None},
            "`feature_network` must be given for the sampler feature, got none",
        ),
        ({"num_real": 0}, "`num_real` must be finite and at least 1, got 0"),
        ({"num_steps": -1}, "`num_steps` must be finite and at least 0, got -1"),
        ({"min_distance": -1.0}, "`min_distance` must be finite and at least 0, got -1"),
        ({"min_distance": float("nan")}, "`min_distance` must be finite .* got nan"),
        (
            {"feature_network": nn.Linear(3, 2)},
            r"`feature_network` must take what TinyImages holds, \(1, 8",
        ),
        ({"feature_network": Sums(float("nan"))}, r"`feature_network` must take .*finite"),
    ],
)
def test_refusals(options: dict[str, Any], complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        FeatureOptions(**{"feature_network": Sums(), **options}).choice(images(), CPU)


def test_data_without_examples_are_refused() -> None:
    with pytest.raises(UsageError, match=r"`data` must have `train_examples\(n\)` .* got NoneType"):
        FeatureOptions(Sums()).choice(None, CPU)


@pytest.mark.parametrize(
    "options",
    [{"feature_network": Sums()}, {"num_real": 5}, {"min_distance": 1.0}, {"num_steps": 1}],
)
def test_other_samplers_heed_no_option(options: dict[str, Any]) -> None:
    FeatureOptions().check_left_out("sobol")
    (name,) = options
    with pytest.raises(UsageError, match=f"`{name}` must be left out for the sampler sobol, which"):
        FeatureOptions(**options).check_left_out("sobol")
