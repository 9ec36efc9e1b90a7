"""Gallery, images and manifest stay consistent through races and kills."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from commands.errors import UsageError
from commands.sample.folder import SampleFolder
from commands.sample.run import SampleRun
from hawc import DatabaseHistory, IndependentSampler, StandardNormal
from hawc.io.manifests import Chunk
from hawc.samplers.seeding import generator_at
from tests.commands.sample.test_folder import DESCRIPTION

TARGET = StandardNormal(2)
Open = Callable[..., SampleRun]


class Killed(BaseException):
    """Stands for the end of the process; no handler catches it."""


@pytest.fixture
def open_run(tmp_path: Path) -> Open:
    def open_run(name: str = "out", num_samples: int = 7, seed: int = 0) -> SampleRun:
        history = DatabaseHistory(f"sqlite:///{tmp_path}/gallery.db", TARGET, create=True)
        folder = SampleFolder(tmp_path / name, DESCRIPTION)
        sampler = IndependentSampler(TARGET, history)
        return SampleRun(folder, sampler, num_samples, 3, seed)

    return open_run


def finish(run: SampleRun) -> None:
    for index in range(run.num_chunks):
        show(run, run.next_chunk(index))
    run.folder.close()


def show(run: SampleRun, chunk: Chunk) -> None:
    entries = [{"id": i, "file": f"{i}.png"} for i in chunk.ids]
    for entry in entries:
        (run.folder.path / str(entry["file"])).write_text("an image")
    run.folder.finish(chunk, entries)


def test_chunks_fill_what_is_missing(open_run: Open) -> None:
    run = open_run()
    assert [len(run.next_chunk(i).latents) for i in range(run.num_chunks)] == [3, 3, 1]
    assert len(run.history) == 7


def test_samples_depend_on_seed_and_length_alone(tmp_path: Path, open_run: Open) -> None:
    first = open_run("a").next_chunk(0)
    (tmp_path / "gallery.db").rename(tmp_path / "old.db")
    again, other = open_run("b").next_chunk(0), open_run("c").next_chunk(0)
    (tmp_path / "gallery.db").unlink()
    reseeded = open_run("d", seed=1).next_chunk(0)
    assert torch.equal(first.latents, again.latents)
    assert (again.start, other.start) == (0, 3)
    assert not torch.isclose(first.latents, other.latents).any()
    assert not torch.isclose(first.latents, reseeded.latents).any()


def test_after_a_conflict_chunk_and_plan_are_those_of_the_new_position(
    open_run: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, fast, undisturbed = open_run("slow"), open_run("fast"), open_run("undisturbed")
    append = DatabaseHistory.append

    def overtaken(self: DatabaseHistory, points: torch.Tensor, **named: Any) -> None:
        if self is slow.history and len(fast.history) == 0:
            assert torch.equal(fast.next_chunk(0).latents, points)
        append(self, points, **named)

    monkeypatch.setattr(DatabaseHistory, "append", overtaken)
    chunk, plan = slow.next_chunk(0), slow.folder.unfinished()
    assert plan is not None
    assert (chunk.start, plan.start) == (3, 3)
    assert slow.history.label_at(3) == chunk.label == plan.label
    assert torch.equal(slow.history.points()[3:], chunk.latents)
    # the conflict leaves no trace in the random numbers
    expected = undisturbed._sampler.choose(3, torch.empty(0, 2), generator_at(0, 3))
    assert torch.equal(chunk.latents, expected)


def test_latents_have_the_precision_of_the_gallery(open_run: Open) -> None:
    expected = open_run("a").next_chunk(0).latents
    torch.set_default_dtype(torch.bfloat16)
    try:
        chunk = open_run("b").next_chunk(0)
        assert torch.get_default_dtype() == torch.bfloat16
    finally:
        torch.set_default_dtype(torch.float32)
    assert chunk.latents.dtype == expected.dtype == torch.float32
    assert not torch.equal(chunk.latents, chunk.latents.bfloat16())


@pytest.mark.parametrize("recorded", [False, True])
def test_a_kill_around_the_record(
    recorded: bool, open_run: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = DatabaseHistory.append

    def killed(self: DatabaseHistory, *arguments: object, **named: object) -> None:
        if recorded:
            append(self, *arguments, **named)  # type: ignore[arg-type]
        raise Killed

    run = open_run("killed")
    show(run, run.next_chunk(0))
    with monkeypatch.context() as patched:
        patched.setattr(DatabaseHistory, "append", killed)
        with pytest.raises(Killed):
            run.next_chunk(1)
    run.folder.close()
    # the same seed and length give the same latents; only the label tells the commands apart
    other = open_run("other")
    other.next_chunk(0)
    resumed = open_run("killed")
    assert resumed.num_chunks == 2
    finish(resumed)
    assert resumed.folder.ids == ([0, 1, 2, 3, 4, 5, 9] if recorded else [0, 1, 2, 6, 7, 8, 9])
    assert len(resumed.history) == 10


@pytest.mark.parametrize(
    "change",
    [
        {"id": 7},
        {"id": 2**61},
        {"latent": [0.5, 0.5]},
        {"latent": [0.5] * 3},
        {"latent": None},  # the first coordinate alone
    ],
    ids=repr,
)
def test_samples_that_the_gallery_lacks_are_refused(
    change: dict[str, Any], tmp_path: Path, open_run: Open
) -> None:
    finish(open_run(num_samples=1))
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    if change.get("latent", ...) is None:
        change = {"latent": manifest["samples"][0]["latent"][:1]}
    manifest["samples"][0].update(change)
    (tmp_path / "out" / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(UsageError, match=r"shows sample \d+, which .* does not hold"):
        open_run()


@pytest.mark.parametrize(
    "change", [{"dim": 1}, {"rows": [[0.5, 1]] * 5}, {"rows": [[1, 2, 3]] * 3}]
)
def test_a_plan_that_differs_from_its_rows_is_refused(
    change: dict[str, Any], tmp_path: Path, open_run: Open
) -> None:
    run = open_run()
    run.next_chunk(0)
    run.folder.close()
    plan = tmp_path / "out" / ".unfinished.json"
    plan.write_text(json.dumps(json.loads(plan.read_text()) | change))
    with pytest.raises(UsageError, match=r"holds a plan of rows that .* does not hold"):
        open_run()
    plan.write_text(json.dumps(json.loads(plan.read_text()) | {"start": 2**61}))
    assert open_run().folder.unfinished() is None  # a plan that was never recorded


def test_samples_of_another_gallery_are_refused(tmp_path: Path, open_run: Open) -> None:
    finish(open_run())
    (tmp_path / "gallery.db").unlink()
    with pytest.raises(UsageError, match=r"shows sample 0, which .* does not hold; name the gal"):
        open_run()


def test_the_gallery_names_the_files_of_images(tmp_path: Path, open_run: Open) -> None:
    run = open_run("a folder/out", num_samples=2)
    run.finish(chunk := run.next_chunk(0), [{"id": 0, "file": "0.png"}, {"id": 1, "values": []}])
    assert run.folder.ids == [*chunk.ids]
    assert [row.metadata for row in run.history] == [{"file": "a folder/out/0.png"}, {}]
    run.folder.close()


def test_files_elsewhere_are_not_named(tmp_path: Path) -> None:
    (tmp_path / "stores").mkdir()
    history = DatabaseHistory(tmp_path / "stores" / "x.db", TARGET, create=True)
    folder = SampleFolder(tmp_path / "out", DESCRIPTION)
    run = SampleRun(folder, IndependentSampler(TARGET, history), 1, 1, 0)
    run.finish(run.next_chunk(0), [{"id": 0, "file": "0.png"}])
    assert history[0].metadata == {}
    folder.close()


def test_forgotten_samples_stay_in_their_folder(open_run: Open) -> None:
    run = open_run()
    show(run, run.next_chunk(0))
    left_over = run.next_chunk(1)  # recorded, and not shown
    run.folder.close()
    run.history.forget([1, 4])
    again = open_run()
    assert torch.equal(again.next_chunk(0).latents, left_over.latents)
    again.finish(left_over, [{"id": i, "file": f"{i}.png"} for i in left_over.ids])
    assert again.folder.ids == [0, 1, 2, 3, 4, 5]
    assert [row.id for row in again.history if "file" in row.metadata] == [3, 5]
    again.folder.close()


@pytest.mark.integration
def test_kills_at_random_instants(tmp_path: Path) -> None:
    """Four workers sample into one gallery and are killed again and again, then finish."""
    script = str(Path(__file__).with_name("sample_and_be_killed.py"))
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.getcwd()}
    finished = subprocess.run(
        [sys.executable, script, str(tmp_path)],
        env=environment,
        check=True,
        timeout=200,
        stdout=subprocess.PIPE,
    )
    result = json.loads(finished.stdout)
    assert result["hits"] == 40 + 4  # the last four before the workers finish
    assert result["recorded"] == result["shown"] >= 4 * 20
