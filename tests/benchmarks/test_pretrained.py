"""The comparison on a tiny generator, whose images are its latents."""

import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

from benchmarks import pretrained
from benchmarks.pretrained import METHODS, Bench, bench, compared, sets
from benchmarks.pretrained_packages import Generator
from benchmarks.pretrained_page import write_page
from hawc import StandardNormal


def tiny() -> Generator:
    def decode(latents: Tensor) -> Tensor:
        return latents.sigmoid().reshape(-1, 1, 2, 2)

    return Generator("tiny", "1", StandardNormal(4), decode)


def network(role: str) -> pretrained.packages.Network:
    sign = 1 if role == "choosing" else -1
    return lambda images: sign * images.flatten(1)


@pytest.fixture(autouse=True)
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pretrained.packages, "network", network)
    monkeypatch.setattr(pretrained, "IMAGES", tmp_path)
    for name, value in (
        ("NUM_IMAGES", 4),
        ("AT_A_TIME", (1, 2, 4)),
        ("NUM_REFERENCE", 20),
        ("NUM_DATA", 10),
        ("CANDIDATES_PER_IMAGE", 5),
    ):
        monkeypatch.setattr(pretrained, name, value)


@pytest.fixture
def owner(tmp_path: Path) -> Bench:
    return bench(tiny, tmp_path / "cache")


def test_every_method_is_measured_on_sets_of_equal_size(owner: Bench, tmp_path: Path) -> None:
    rows = compared(owner, seeds=2)["rows"]
    methods = [(row["method"], row["at a time"]) for row in rows]
    assert methods == [("i.i.d.", "any"), *((m, n) for m in METHODS[1:] for n in (1, 2, 4))]
    for row in rows:
        values, calls = row["values"], {*row["values"]["decoder calls"]}
        assert {len(value) for value in values.values()} == {10 if row["method"] == "i.i.d." else 2}
        if not row["method"].startswith("FeatureSampler"):
            assert calls == {4}
        else:  # 20 candidates, the chosen four again, and checks
            assert 24 < min(calls) <= max(calls) <= 48
        assert all(0 <= repeats <= 3 for repeats in values["repeats (25 %)"])
    assert (tmp_path / "pretrained_tiny.png").is_file()


def test_the_first_free_point_is_the_center_and_the_first_typical_one_is_not(owner: Bench) -> None:
    rows = {(row["method"], row["at a time"]): row["values"] for row in compared(owner, 1)["rows"]}
    assert rows["HAW-C, free", 1]["shortest"][0] < 0.01
    assert rows["HAW-C, typical", 1]["shortest"][0] > 0.2  # the 1 % quantile is at 0.3


def test_candidates_do_not_depend_on_the_number_at_a_time(owner: Bench) -> None:
    data = torch.randn(20, 4, generator=torch.Generator().manual_seed(0))
    iid = torch.cat([latents for latents, _, _ in sets("i.i.d.", owner, data, 1, 3)])
    assert iid.shape == (20, 4)
    for at_a_time in (1, 2, 4):
        ((latents, images, cost),) = sets("FeatureSampler", owner, data, at_a_time, 3)
        assert images.shape == (4, 1, 2, 2)
        assert cost["seconds"] > 0
        # the sampler changes the lengths of extreme latents but no direction
        cosines = torch.cosine_similarity(latents[:, None], iid[None], dim=2)
        assert ((cosines > 1 - 1e-6).sum(1) == 1).all()


def test_images_of_iid_latents_depend_on_the_seed_alone(owner: Bench) -> None:
    assert torch.equal(owner.iid_images(3, 5), owner.iid_images(3, 5))
    assert not torch.equal(owner.iid_images(3, 5), owner.iid_images(3, 6))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["clouds"], "clouds: the generators are terrain, style"),
        (["--seeds", "0"], "--seeds must be at least 1, got 0"),
    ],
)
def test_wrong_arguments_are_refused(
    arguments: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["pretrained", *arguments])
    with pytest.raises(SystemExit):
        pretrained.main()
    assert message in capsys.readouterr().err


def test_one_command_writes_results_and_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pretrained.packages, "terrain", tiny)
    monkeypatch.setattr(pretrained.packages, "check_packages", lambda: None)
    monkeypatch.setattr(pretrained, "RESULTS", tmp_path / "results")
    page = tmp_path / "page.md"
    monkeypatch.setattr(pretrained, "write_page", lambda: write_page(tmp_path / "results", page))
    cache = str(tmp_path / "cache")
    monkeypatch.setattr(sys, "argv", ["pretrained", "terrain", "--seeds", "1", "--cache", cache])
    pretrained.main()
    assert (tmp_path / "results" / "terrain.json").is_file()
    assert "| HAW-C, typical | 2 |" in page.read_text()
