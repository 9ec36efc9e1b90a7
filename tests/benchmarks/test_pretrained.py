"""The comparison on a tiny generator, whose images are its latents."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from benchmarks import pretrained
from benchmarks.pretrained import METHODS, Bench, bench, compared, sampled, samplers
from benchmarks.pretrained_packages import Generator
from hawc import Empirical, StandardNormal


def tiny() -> Generator:
    def decode(latents: Tensor) -> Tensor:
        return latents.sigmoid().reshape(-1, 1, 2, 2)

    return Generator("tiny", "1", StandardNormal(4), decode)


def network(role: str) -> pretrained.packages.Network:
    sign = 1 if role == "choosing" else -1
    return lambda images: sign * images.flatten(1)


@pytest.fixture
def owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(pretrained.packages, "network", network)
    monkeypatch.setattr(pretrained, "PICTURES", tmp_path)
    return bench(tiny, tmp_path / "cache")


def test_every_method_is_measured_on_the_same_number_of_images(
    owner: Bench, tmp_path: Path
) -> None:
    found = compared(owner, seeds=2)
    of_methods = {method: [] for method in METHODS}
    for row in found["rows"]:
        of_methods[row["method"]].append(row)
    assert [row["at a time"] for row in of_methods["i.i.d."]] == [20]
    for method in METHODS[1:]:
        assert [row["at a time"] for row in of_methods[method]] == [1, 4, 20]
    for row in found["rows"]:
        values = row["values"]
        assert {len(value) for value in values.values()} == {2}
        calls = 240 if row["method"] == "FeatureSampler" else 20
        assert values["decoder calls"] == [calls, calls]
        assert all(0 <= repeats <= 19 for repeats in values["repeats (25 %)"])
    assert (tmp_path / "pretrained_tiny.png").is_file()


def test_the_methods_have_the_lengths_they_are_named_by(owner: Bench) -> None:
    rows = {(row["method"], row["at a time"]): row["values"] for row in compared(owner, 1)["rows"]}
    assert rows["HAW-C, free", 1]["least length"][0] < 0.01
    assert rows["HAW-C, typical", 1]["least length"][0] > 0.3


def test_seconds_of_choosing_leave_out_decoder_and_network(owner: Bench) -> None:
    data = Empirical(torch.randn(20, 4, generator=torch.Generator().manual_seed(0)))
    sampler = samplers(owner, data, 4)["FeatureSampler"]()
    _, images, cost = sampled(sampler, owner, 4, torch.Generator().manual_seed(0))
    assert images.shape == (20, 1, 2, 2)
    assert 0 < cost["seconds"]
    assert len(sampler.history) == 20


def test_images_of_iid_latents_depend_on_the_seed_alone(owner: Bench) -> None:
    assert torch.equal(owner.iid_images(3, 5), owner.iid_images(3, 5))
    assert not torch.equal(owner.iid_images(3, 5), owner.iid_images(3, 6))
