"""The sampler of `sample`: built from class and arguments, described for manifest and gallery."""

from functools import partial
from typing import Any

import pytest
import torch
from jaxtyping import Float
from lightning import LightningDataModule
from torch import Tensor, nn

from commands.errors import UsageError
from commands.sample.sampler import ConfiguredSampler, build_sampler
from hawc import FeatureSampler, HistoryAwareSampler, SobolSampler
from hawc.compression import Deterministic
from hawc.kernels import Quotient
from hawc.samplers import AbstractSampler, Features, LatentsWithFeatures
from hawc.targets import AbstractTarget
from networks import DigitFeatures
from tests.helpers import DarkImages, TinyImages, tiny_energy_vae

CPU = torch.device("cpu")


class Sums(nn.Module):
    """Sums over the rows of an image, scaled by a weight outside the state dict."""

    def __init__(self, scale: float = 1.0) -> None:
        super().__init__()
        self.register_buffer("scale", torch.tensor(scale), persistent=False)
        self.trainable = nn.Parameter(torch.zeros(()))

    def forward(self, images: Tensor) -> Tensor:
        return self.scale * images.sum((1, 3)) + self.trainable


class Pairs(AbstractSampler):
    """Stands for a sampler of the user, with an argument that has no text of its own."""

    def __init__(self, target: AbstractTarget, order: Any = None) -> None:
        super().__init__(target)

    def choose(
        self,
        n: int,
        past: Float[Tensor, "kp d"],
        generator: torch.Generator,
        previous: Float[Tensor, "n d"] | None = None,
    ) -> Float[Tensor, "n d"]:
        half = self.target.sample(-(-n // 2), generator=generator)
        return torch.cat([half, -half])[:n]


class Nearest(Pairs):
    """Stands for a sampler of the user that compares images."""

    def __init__(
        self,
        target: AbstractTarget,
        features: nn.Module,
        decode: Any,
        data: AbstractTarget | None,
        features_name: str | None = None,
    ) -> None:
        super().__init__(target)
        self.given = decode, data, features_name


def images(**options: Any) -> TinyImages:
    return TinyImages(batch_size=16, **options)


def built(
    network: Any, data: LightningDataModule | None = None, num_real: int = 30, **options: Any
) -> ConfiguredSampler:
    factory = partial(FeatureSampler, features=network, **options)
    return build_sampler(factory, tiny_energy_vae(), data or images(), num_real, CPU)


def described(factory: Any) -> Any:
    return build_sampler(factory, tiny_energy_vae(), None, None, CPU).description["sampler"]


def test_data_are_the_features_of_training_examples() -> None:
    network, data = Sums(), images()
    sampler = built(network, data).sampler
    assert isinstance(sampler, FeatureSampler)
    assert sampler.history.dim == sampler.rows.dim == 2 + 8
    assert isinstance(sampler._data, AbstractTarget)
    points = sampler._data.sample(2000, generator=torch.Generator().manual_seed(0))
    features = network(data.train_examples(30)).detach()
    assert torch.cdist(points.double(), features.double()).min(1).values.max() < 1e-6
    assert len(points.unique(dim=0)) == 30
    assert not any(weight.requires_grad for weight in network.parameters())


def test_the_model_decodes() -> None:
    torch.manual_seed(0)
    network, model = Sums(), tiny_energy_vae().eval()
    factory = partial(FeatureSampler, features=network, num_steps=0)
    sampler = build_sampler(factory, model, images(), 30, CPU).sampler
    latents = sampler.sample(20, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        seen = network(model.decode(latents))
    assert torch.allclose(sampler.history.points()[:, 2:], seen, atol=1e-4)


def test_a_gallery_is_for_a_network_and_its_examples() -> None:
    known = repr(built(Sums()).rows)
    assert repr(built(Sums(), images(), min_distance=1.0, num_steps=3).rows) == known
    others = (
        built(Sums(2.0)),
        built(Sums(), num_real=29),
        built(Sums(), DarkImages(batch_size=16)),
        built(nn.Flatten()),
    )
    assert len({known, *(repr(other.rows) for other in others)}) == 5


def test_without_examples_the_data_are_the_model_s_own() -> None:
    model, network = tiny_energy_vae(), Sums()
    factory = partial(Nearest, features=network)
    configured = build_sampler(factory, model, None, 0, CPU)
    assert isinstance(configured.sampler, Nearest)
    decode, data, name = configured.sampler.given
    assert (decode, data) == (model.decode, None)
    assert configured.rows == LatentsWithFeatures(model.prior, Features(8, name))
    assert name.startswith("Sums() sha256=")
    assert configured.description["real_examples"] == "none"
    other = build_sampler(partial(Nearest, features=Sums(2.0)), model, None, 0, CPU)
    assert repr(other.rows) != repr(configured.rows)
    named = build_sampler(partial(factory, features_name="sums"), model, None, 0, CPU)
    assert named.rows == LatentsWithFeatures(model.prior, Features(8, "sums"))
    # as the command line gives it
    wrapped = partial(lambda make, *a, **named: make(*a, **named), Nearest, features=network)
    parsed = build_sampler(wrapped, model, None, 0, CPU)
    assert isinstance(parsed.sampler, Nearest)
    assert (parsed.rows, parsed.sampler.given[2]) == (configured.rows, name)
    assert model.training  # as before


def test_without_examples_features_are_checked_too() -> None:
    with pytest.raises(UsageError, match=r"`sampler\.features` must take the images, of shape \("):
        build_sampler(partial(Nearest, features=nn.Linear(3, 2)), tiny_energy_vae(), None, 0, CPU)


def test_neither_seed_nor_batch_size_change_the_gallery(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = set()
    for seed, size in (("0", 16), ("1", 16), ("1", 7)):
        monkeypatch.setenv("PL_GLOBAL_SEED", seed)
        rows.add(repr(built(Sums(), TinyImages(batch_size=size)).rows))
    assert len(rows) == 1


@pytest.mark.parametrize(
    ("factory", "class_path", "init_args"),
    [
        (HistoryAwareSampler, "hawc.HistoryAwareSampler", {}),
        (partial(HistoryAwareSampler, window=None), "hawc.HistoryAwareSampler", {}),
        (
            partial(HistoryAwareSampler, window=3, kernel=Quotient(), solver=Deterministic()),
            "hawc.HistoryAwareSampler",
            {
                "window": 3,
                "kernel": "Quotient(alpha=0.5, a=1.0)",
                "solver": repr(Deterministic()),
            },
        ),
        (partial(SobolSampler, seed=2), "hawc.SobolSampler", {"seed": 2}),
        (
            partial(Pairs, order=[1, (object(), {"a": 1})]),
            f"{__name__}.Pairs",
            {"order": [1, ["builtins.object", {"a": 1}]]},
        ),
    ],
)
def test_the_description_is_class_and_changed_arguments(
    factory: Any, class_path: str, init_args: dict[str, Any]
) -> None:
    assert described(factory) == {"class_path": class_path, "init_args": init_args}


def test_the_description_of_features() -> None:
    description = built(nn.Flatten(), min_distance=0.5, num_steps=None).description
    init_args = description["sampler"]["init_args"]
    assert init_args["features"].startswith("Flatten(start_dim=1, end_dim=-1) sha256=")
    assert init_args["min_distance"] == 0.5
    assert init_args.keys() == {"features", "min_distance"}
    assert description["real_examples"].startswith("30 of TinyImages sha256=")
    assert "role=choosing" in repr(DigitFeatures("choosing"))


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"num_real": -1}, "`num_real` must be at least 0, got -1"),
        ({"num_steps": -1}, "`sampler` cannot be built: `num_steps` must be at least 0, got -1"),
        ({"network": nn.Linear(3, 2)}, r"`sampler\.features` must take .* of shape \(1, 8, 8\)"),
        ({"network": Sums(float("nan"))}, r"`sampler\.features` must take .*finite"),
        ({"network": len}, r"`sampler\.features` must be a torch\.nn\.Module, got builtin"),
    ],
)
def test_refusals(options: dict[str, Any], complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        built(**{"network": Sums(), **options})


def test_data_without_examples_are_refused() -> None:
    factory = partial(FeatureSampler, features=Sums())
    with pytest.raises(UsageError, match=r"`data` must have `train_examples\(n\)` .* got NoneType"):
        build_sampler(factory, tiny_energy_vae(), None, None, CPU)


def test_num_real_needs_a_sampler_with_features() -> None:
    with pytest.raises(UsageError, match="`num_real` is for a sampler that compares images, got 5"):
        build_sampler(HistoryAwareSampler, tiny_energy_vae(), images(), 5, CPU)


def test_a_prior_without_a_sobol_sequence_is_refused() -> None:
    model = tiny_energy_vae(latent_loss="paper")
    with pytest.raises(UsageError, match=r"`sampler` cannot be built: .* got StudentT\(dim=2"):
        build_sampler(SobolSampler, model, None, None, CPU)
