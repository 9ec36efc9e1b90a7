"""Rounds with memory on a tiny generator, whose images are its latents."""

import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

from benchmarks import pretrained, pretrained_rounds
from benchmarks.measured_rows import write_page
from benchmarks.pretrained import Bench, bench
from benchmarks.pretrained_packages import Generator
from benchmarks.pretrained_rounds import FARTHEST, FARTHEST_EVER, IID, compared, farthest, sets
from hawc import StandardNormal


def tiny() -> Generator:
    def decode(latents: Tensor) -> Tensor:
        return latents.sigmoid().reshape(-1, 1, 2, 2)

    return Generator("tiny", "1", StandardNormal(4), decode)


@pytest.fixture(autouse=True)
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def network(role: str) -> pretrained.packages.Network:
        sign = 1 if role == "choosing" else -1
        return lambda images: sign * images.flatten(1)

    monkeypatch.setattr(pretrained.packages, "network", network)
    monkeypatch.setattr(pretrained_rounds, "IMAGES", tmp_path)
    monkeypatch.setattr(pretrained_rounds, "RESULTS", tmp_path / "results")
    for name, value in (
        *(("ROUNDS", 3), ("AT_ONCE", 2), ("NUM_CANDIDATES", 8)),
        *(("NUM_IMAGES", 6), ("NUM_SAMPLES", 24), ("NUM_REFERENCE", 20)),
    ):
        monkeypatch.setattr(pretrained_rounds, name, value)


@pytest.fixture
def owner(tmp_path: Path) -> Bench:
    return bench(tiny, tmp_path / "cache")


def test_sets_are_of_equal_size_and_of_the_same_candidates(owner: Bench) -> None:
    latents = pretrained_rounds.candidates(owner, 3)
    methods = []
    for method, distance, chosen, images, calls in sets(owner, 3):
        methods.append((method, distance))
        assert chosen.shape == (6, 4)
        assert torch.equal(images, owner.decode(chosen))
        # the sampler changes the lengths of extreme latents but no direction
        cosines = torch.cosine_similarity(chosen[:, None], latents[None], dim=2)
        places = cosines.argmax(1)
        assert ((cosines > 1 - 1e-6).sum(1) == 1).all()
        if method != IID:  # two of each round
            assert torch.equal(places // 8, torch.tensor([0, 0, 1, 1, 2, 2]))
        # FeatureSampler decodes a few candidates twice
        low, high = (6, 6) if method == IID else (24, 24 + 3 * 8 * (method == "FeatureSampler"))
        assert low <= calls <= high
    assert methods.count((IID, "")) == 4
    assert ("FeatureSampler", "default") in methods
    assert pretrained_rounds.SHOWN in methods


def test_the_farthest_image_is_chosen_with_and_without_memory() -> None:
    features = torch.zeros(24, 1)
    features[:8, 0] = torch.tensor([0.0, 1, 2, 3, 4, 5, 6, 10])
    features[8:16, 0] = torch.tensor([10.0, 0, 20, 1, 2, 3, 4, 5])
    assert farthest(features, with_memory=True)[:4] == [0, 7, 10, 15]
    # the first of a round has nothing to be far from, the next one is the farthest from it
    assert farthest(features, with_memory=False)[:4] == [0, 7, 8, 9]


def test_the_table_and_the_contact_sheet_are_written(owner: Bench, tmp_path: Path) -> None:
    table = compared(owner, seeds=2)
    repetitions = {row.setting["images"]: len(row.repetitions) for row in table.rows}
    assert repetitions.pop(IID) == 8
    assert {FARTHEST, FARTHEST_EVER, "select, 0.8", "FeatureSampler"} <= repetitions.keys()
    assert {*repetitions.values()} == {2}
    assert (tmp_path / "pretrained_rounds_tiny.png").is_file()
    page = tmp_path / "results.md"
    write_page(tmp_path / "results", "")
    assert "| FeatureSampler | default | 2 |" in page.read_text()


def test_an_unknown_generator_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["pretrained_rounds", "clouds"])
    with pytest.raises(SystemExit):
        pretrained_rounds.main()
    assert "clouds: the generators are style, terrain" in capsys.readouterr().err
