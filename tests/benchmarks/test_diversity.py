"""Diversity: metrics of known images, rounds, standard errors, refusals."""

import json
import sys
from pathlib import Path
from typing import final

import pytest
import torch
from torch import Tensor

from benchmarks import diversity
from benchmarks.diversity import Judge, repetition, sampled, samplers, summary
from hawc import Empirical, StandardNormal
from hawc.samplers import AbstractSampler
from tests.helpers import tiny_vae


class FakeNetwork:
    """Classifies by 16 times the first value of an image; its features are the first two."""

    def __call__(self, images: Tensor) -> Tensor:
        return images.flatten(1)[:, :2]

    def classify(self, images: Tensor) -> Tensor:
        digits = (16 * images.flatten(1)[:, 0]).round().long()
        return 100.0 * torch.nn.functional.one_hot(digits.clamp(0, 9), 10)


def images_of(*digits: int, shift: float = 0.0) -> Tensor:
    images = torch.zeros(len(digits), 1, 8, 8)
    images[:, 0, 0, 0] = torch.tensor(digits) / 16  # exact in binary
    images[:, 0, 0, 1] = shift
    return images


@pytest.fixture
def judge() -> Judge:
    return Judge(FakeNetwork(), images_of(*range(10)))  # type: ignore[arg-type]


def test_the_real_images_are_perfect(judge: Judge) -> None:
    values = judge.values(images_of(*range(10)))
    assert values["different digits"] == 10
    assert values["confidence"] == 1
    assert values["total variation"] == 0
    assert abs(values["energy distance"]) < 1e-6
    assert values["precision"] == values["recall"] == values["coverage"] == 1
    assert values["repeats (50 %)"] == 0


def test_ten_times_one_image_is_no_diversity(judge: Judge) -> None:
    values = judge.values(images_of(*[3] * 10))
    assert values["different digits"] == 1
    assert abs(values["total variation"] - 0.9) < 1e-6
    assert abs(values["Vendi"] - 1) < 1e-4
    assert values["repeats (5 %)"] == values["repeats in pixels"] == pytest.approx(0.9)
    assert values["recall"] < 1
    assert values["energy distance"] > 0.01


def test_rounds_have_a_history_and_batches_have_none() -> None:
    lengths: list[int] = []

    @final
    class RecordingSampler(AbstractSampler):
        def choose(self, n: int, past: Tensor, *_: object) -> Tensor:
            lengths.append(len(past))
            return torch.zeros(n, 2)

    def make() -> RecordingSampler:
        return RecordingSampler(StandardNormal(2), None)

    generator = torch.Generator().manual_seed(0)
    sizes = [(n, len(z)) for n, z, _ in sampled(make, True, generator)]
    assert sizes == [(n, n) for n in diversity.SIZES if n >= diversity.ROUND]
    assert lengths == list(range(0, max(diversity.SIZES), diversity.ROUND))
    lengths.clear()
    assert [n for n, _, _ in sampled(make, False, generator)] == list(diversity.SIZES)
    assert lengths == [0] * len(diversity.SIZES)


def test_every_sampler_is_measured(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diversity, "SIZES", (5, 10))
    model = tiny_vae()
    data = Empirical(torch.rand(20, 2, generator=torch.Generator().manual_seed(0)))
    ways = samplers(model, FakeNetwork(), data, 0)  # type: ignore[arg-type]
    sizes = [(name, n) for name, n, _ in repetition(model, ways, judge, 0)]
    batches = ("independent", "Sobol", "HAW-C", "features")
    assert {name for name, _ in sizes} == set(diversity.NAMES)
    assert [n for name, n in sizes if name in batches] == [5, 10] * 4
    assert [n for name, n in sizes if name not in batches] == [10] * 3


def test_summary_is_mean_and_standard_error() -> None:
    mean, error = summary([{"x": 1.0}, {"x": 2.0}, {"x": 6.0}])["x"]
    assert mean == 3
    assert abs(error - (7 / 3) ** 0.5) < 1e-12  # variance 7


def test_one_repetition_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["diversity", "run", "--repetitions", "1"])
    with pytest.raises(SystemExit):
        diversity.main()
    assert "--repetitions must be at least 2" in capsys.readouterr().err


def test_results_of_another_checkpoint_are_not_mixed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    results = {"checkpoint_sha256": "0", "samplers": {"Sobol": {}, "HAW-C": {}}}
    (tmp_path / "tiny.json").write_text(json.dumps(results))
    (tmp_path / "config.yaml").write_text("name: tiny")
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "last.ckpt").write_bytes(b"another")
    monkeypatch.setattr(diversity, "RESULTS", tmp_path)
    monkeypatch.setattr(sys, "argv", ["diversity", str(tmp_path), "--samplers", "HAW-C"])
    with pytest.raises(SystemExit):
        diversity.main()
    assert "has Sobol of another checkpoint: remove it" in capsys.readouterr().err


def test_a_sampler_does_not_depend_on_the_others(
    judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diversity, "SIZES", (5,))
    model = tiny_vae()
    data = Empirical(torch.rand(20, 2, generator=torch.Generator().manual_seed(0)))
    ways = samplers(model, FakeNetwork(), data, 0)  # type: ignore[arg-type]
    among = {name: values for name, _, values in repetition(model, ways, judge, 0)}
    ((_, _, alone),) = repetition(model, {"HAW-C": ways["HAW-C"]}, judge, 0)
    del alone["seconds"], among["HAW-C"]["seconds"]
    assert alone == among["HAW-C"]
