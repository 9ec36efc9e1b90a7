"""The page and the figure of diversity: one row per number and sampler."""

import json
from pathlib import Path

import pytest

from benchmarks import diversity_page


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    results = tmp_path / "diversity"
    results.mkdir()
    values = {name: [0.5, 0.01] for name in diversity_page.SHOWN}
    samplers = {"independent": {"5": values, "10": values}, "HAW-C, rounds": {"10": values}}
    run = {"repetitions": dict.fromkeys(samplers, 7), "epochs": 3, "samplers": samplers}
    (results / "tiny.json").write_text(json.dumps(run))
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
        "| 5 | independent (7) | 0.5 ± 0.01 | 0.5 ± 0.01 | 0.5 ± 0.01 |",
        "| 10 | independent (7) | 0.5 ± 0.01 | 0.5 ± 0.01 | 0.5 ± 0.01 |",
        "| 10 | HAW-C, rounds (7) | 0.5 ± 0.01 | 0.5 ± 0.01 | 0.5 ± 0.01 |",
    ]
    assert "## tiny, 3 epochs" in (page / "diversity.md").read_text()
    assert (page / "diversity.png").stat().st_size > 1000
