"""Killed writers lose nothing; for hundreds of kills see benchmarks/results/gallery_kills.md."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from sqlalchemy import create_engine, text

from benchmarks.killed_checks import Findings, check
from benchmarks.killed_writers import SCENES, Entry, Scene, write

ROOT = Path(__file__).parent.parent.parent
SCENE = SCENES["new store"]
CONDITION = SCENE.conditions[0]


class Countdown:
    """A file that exists after it was looked for a number of times."""

    def __init__(self, calls: int) -> None:
        self.left = calls

    def exists(self) -> bool:
        self.left -= 1
        return self.left < 0


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a folder with a gallery of two writers, and with what each of them said."""
    folder = tmp_path_factory.mktemp("written")
    for writer in (0, 1):
        stop: Any = Countdown(25)
        write(SCENE, f"sqlite:///{folder}/gallery.db", writer, folder / f"{writer:04}.log", stop)
    return folder


@pytest.fixture
def url(written: Path, tmp_path: Path) -> str:
    """Returns the URL of a copy of the gallery, beside a copy of what was said."""
    return f"sqlite:///{shutil.copytree(written, tmp_path / 'copy')}/gallery.db"


def found(url: str, scene: Scene = SCENE) -> Findings:
    before = {condition: torch.empty(0, 5) for condition in scene.conditions}
    return check(scene, url, Path(url.removeprefix("sqlite:///")).parent, before)


def entries(url: str, change: Callable[[list[Entry]], list[Entry]]) -> None:
    """Replace what the first writer said."""
    log = Path(url.removeprefix("sqlite:///")).parent / "0000.log"
    said = [json.loads(line) for line in log.read_text().splitlines()]
    log.write_text("".join(json.dumps(entry) + "\n" for entry in change(said)))


def until_batch(said: list[Entry]) -> list[Entry]:
    """Returns what was said up to the report of the last batch."""
    return said[: 1 + max(i for i, entry in enumerate(said) if "digest" in entry)]


def executed(url: str, statement: str) -> int:
    engine = create_engine(url)
    with engine.begin() as connection:
        changed = connection.execute(text(statement)).rowcount
    engine.dispose()
    return changed


def test_an_undisturbed_gallery_has_no_problems(url: str) -> None:
    findings = found(url)
    assert findings.problems == []
    assert (findings.calls, findings.unreported) == (50, 0)
    assert findings.rows == sum(len(SCENE.opened(url, name)) for name in SCENE.conditions)
    assert findings.candidates >= 2 * 16


def test_finds_a_lost_batch(url: str) -> None:
    executed(
        url,
        "DELETE FROM hawc_batches WHERE (gallery_id, first) IN (SELECT gallery_id, max(first) FROM "
        "hawc_batches JOIN hawc_sequences USING (gallery_id) WHERE kind = 'samples' GROUP BY 1)",
    )
    assert any("lost" in problem for problem in found(url).problems)


def test_finds_a_doubled_batch(url: str) -> None:
    history = SCENE.opened(url, CONDITION)
    row = next(row for row in history if row.latent is not None and row.metadata["size"] == 1)
    history.append(history.view()[[row.id]], expected_length=len(history), metadata=row.metadata)
    assert any("unknown rows" in problem for problem in found(url).problems)


def test_finds_candidates_and_metadata_written_twice(url: str) -> None:
    history = SCENE.opened(url, CONDITION)
    history.add_candidates(history.candidates()[:3])
    history.annotate(next(iter(history)).id, {"writer": 0})
    problems = found(url).problems
    assert any("candidates" in problem for problem in problems)
    assert any("metadata written twice" in problem for problem in problems)


def test_finds_lost_notes_and_rows_forgotten_without_a_call(url: str) -> None:
    assert executed(url, "DELETE FROM hawc_notes WHERE note LIKE '%note 0%'") > 0
    history = SCENE.opened(url, CONDITION)
    history.forget([row.id for row in history][-1])
    problems = found(url).problems
    assert any("note 0" in problem for problem in problems)
    assert any("forgotten {" in problem for problem in problems)


def test_a_batch_without_report_must_be_whole(url: str) -> None:
    entries(url, lambda said: until_batch(said)[:-1])  # killed before the report
    findings = found(url)
    assert findings.unreported == 1
    unnoticed = [p for p in findings.problems if "unknown rows" in p or "a part" in p]
    assert unnoticed == []
    history = SCENE.opened(url, CONDITION)
    batch = [row.metadata for row in history if row.metadata["writer"] == 0][-1]
    assert batch["row"] == batch["size"] - 1
    history.add(torch.ones(1, 3), metadata={**batch, "row": batch["size"]})
    assert any("a part of a batch" in problem for problem in found(url).problems)


@pytest.mark.timeout(600)  # three stores, and processes on two cores, which may be busy
def test_six_kills_of_each_gallery(tmp_path: Path) -> None:
    table = tmp_path / "kills.md"
    options = ["--kills", "6", "--writers", "4", "--copies", "1", "--pause", "0.3", "--no-server"]
    done = subprocess.run(  # forks need a process without threads
        [sys.executable, "-m", "benchmarks.gallery_kills", *options, "--table", str(table)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [line.strip("| ").split(" | ") for line in table.read_text().splitlines()]
    rows = {row[0]: row for row in lines if len(row) == 13}
    writing = 0
    for name in SCENES:
        title, _, kills, while_writing, calls, *_, problems, _, _ = rows[f"{name}, SQLite"]
        assert (title, kills, problems) == (f"{name}, SQLite", "6", "0")
        assert int(calls) >= 4
        writing += int(while_writing)
    assert writing >= 1  # two kills of each gallery are aimed; one may come too late
