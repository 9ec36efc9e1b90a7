"""How different pictures are: what the judge says of known ones, rounds, errors, the page."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from benchmarks import before_after, diversity, diversity_page
from benchmarks.diversity import Judge, drawn, repetition, samplers, summary
from hawc import Empirical, HistoryAwareSampler, StandardNormal
from tests.helpers import tiny_vae


class Net:
    """Takes 16 times a picture's first value for the digit, its first two for features."""

    def __call__(self, pictures: Tensor) -> Tensor:
        return pictures.flatten(1)[:, :2]

    def classify(self, pictures: Tensor) -> Tensor:
        digits = (16 * pictures.flatten(1)[:, 0]).round().long()
        return 100.0 * torch.nn.functional.one_hot(digits.clamp(0, 9), 10)


def pictures_of(*digits: int, shift: float = 0.0) -> Tensor:
    pictures = torch.zeros(len(digits), 1, 8, 8)
    pictures[:, 0, 0, 0] = torch.tensor(digits) / 16  # exactly
    pictures[:, 0, 0, 1] = shift
    return pictures


@pytest.fixture
def judge() -> Judge:
    return Judge(Net(), pictures_of(*range(10)))  # type: ignore[arg-type]


def test_the_real_pictures_are_perfect(judge: Judge) -> None:
    values = judge.values(pictures_of(*range(10)))
    assert values["different digits"] == 10
    assert values["confidence"] == 1
    assert values["total variation"] == 0
    assert abs(values["energy distance"]) < 1e-6
    assert values["precision"] == values["recall"] == values["coverage"] == 1
    assert values["repeats (50 %)"] == 0


def test_ten_times_one_picture_is_no_diversity(judge: Judge) -> None:
    values = judge.values(pictures_of(*[3] * 10))
    assert values["different digits"] == 1
    assert abs(values["total variation"] - 0.9) < 1e-6
    assert abs(values["Vendi"] - 1) < 1e-4
    assert values["repeats (5 %)"] == values["repeats in pixels"] == pytest.approx(0.9)
    assert values["recall"] < 1
    assert values["energy distance"] > 0.01


def test_rounds_remember_and_batches_begin_anew() -> None:
    lengths: list[int] = []

    class Watching(HistoryAwareSampler):  # type: ignore[misc]
        def choose(self, n: int, past: Tensor, *rest: Any) -> Tensor:
            lengths.append(len(past))
            return torch.zeros(n, 2)

    def make() -> HistoryAwareSampler:
        return Watching(StandardNormal(2))

    generator = torch.Generator().manual_seed(0)
    sizes = [(n, len(z)) for n, z, _ in drawn(make, True, generator)]
    assert sizes == [(n, n) for n in diversity.SIZES if n >= diversity.ROUND]
    assert lengths == list(range(0, max(diversity.SIZES), diversity.ROUND))
    lengths.clear()
    assert [n for n, _, _ in drawn(make, False, generator)] == list(diversity.SIZES)
    assert lengths == [0] * len(diversity.SIZES)


def test_every_sampler_is_measured(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diversity, "SIZES", (5, 10))
    model = tiny_vae()
    data = Empirical(torch.rand(20, 2, generator=torch.Generator().manual_seed(0)))
    ways = samplers(model, Net(), data, 0)  # type: ignore[arg-type]
    found = [(name, n) for name, n, _ in repetition(model, ways, judge, 0)]
    batches = ("independent", "Sobol", "HAW-C", "features")
    assert {name for name, _ in found} == set(diversity.NAMES)
    assert [n for name, n in found if name in batches] == [5, 10] * 4
    assert [n for name, n in found if name not in batches] == [10] * 3


def test_summary_is_mean_and_standard_error() -> None:
    mean, error = summary([{"x": 1.0}, {"x": 2.0}, {"x": 6.0}])["x"]
    assert mean == 3
    assert abs(error - (7 / 3) ** 0.5) < 1e-12  # variance 7


def test_one_repetition_has_no_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["diversity", "run", "--repetitions", "1"])
    with pytest.raises(SystemExit):
        diversity.main()
    assert "--repetitions must be at least 2" in capsys.readouterr().err


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    results = tmp_path / "diversity"
    results.mkdir()
    values = {name: [0.5, 0.01] for name in diversity_page.SHOWN}
    samplers = {"independent": {"5": values, "10": values}, "HAW-C, rounds": {"10": values}}
    found = {"repetitions": 7, "epochs": 3, "samplers": samplers}
    (results / "tiny.json").write_text(json.dumps(found))
    monkeypatch.setattr(diversity_page, "RESULTS", results)
    monkeypatch.setattr(diversity_page, "PAGE", tmp_path / "diversity.md")
    monkeypatch.setattr(diversity_page, "FIGURE", tmp_path / "diversity.png")
    diversity_page.write_page()
    return tmp_path


def test_the_page_has_a_row_for_each_number_and_sampler(page: Path) -> None:
    rows = [
        line for line in (page / "diversity.md").read_text().splitlines() if line.startswith("|")
    ]
    assert rows[0] == "| n | latents | different digits | total variation | repeats (25 %) |"
    assert rows[2:] == [
        "| 5 | independent | 0.5 ± 0.01 | 0.5 ± 0.01 | 0.5 ± 0.01 |",
        "| 10 | independent | 0.5 ± 0.01 | 0.5 ± 0.01 | 0.5 ± 0.01 |",
        "| 10 | HAW-C, rounds | 0.5 ± 0.01 | 0.5 ± 0.01 | 0.5 ± 0.01 |",
    ]
    assert "## tiny, 3 epochs, 7 repetitions" in (page / "diversity.md").read_text()
    assert (page / "diversity.png").stat().st_size > 1000


def test_rows_of_before_and_after_are_ten_each() -> None:
    model = tiny_vae().eval()
    rows = before_after.two_rows(model)
    assert rows.shape == (20, 1, 8, 8)
    assert torch.equal(rows, before_after.two_rows(model))
    first, law = torch.Generator().manual_seed(0), model.latent_target
    with torch.no_grad():
        independent = model.decode(law.sample(10, generator=first))
    assert torch.allclose(rows[:10], independent, atol=1e-6)
