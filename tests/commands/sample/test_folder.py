"""The output folder: locked by one command, read back unchanged, refused if foreign."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from commands.errors import UsageError
from commands.sample.folder import Chunk, SampleFolder, manifest_of

DESCRIPTION: dict[str, Any] = {
    "checkpoint_sha256": "abc",
    "gallery": "default",
    "sampler": {"class_path": "hawc.SobolSampler", "init_args": {}},
    "seed": 0,
    "created": "today",
}


def chunk(start: int, n: int) -> Chunk:
    generator = torch.Generator().manual_seed(start)
    return Chunk(start, torch.randn(n, 3, generator=generator), f"label {start}", 3)


def shown(folder: SampleFolder, chunk: Chunk) -> None:
    folder.finish(chunk, [{"id": i, "file": f"{i}.png"} for i in chunk.ids])


def test_the_manifest_is_one_document(tmp_path: Path) -> None:
    folder = SampleFolder(tmp_path / "a" / "b", DESCRIPTION)
    path = tmp_path / "a" / "b" / "manifest.json"
    assert json.loads(path.read_text()) == {**DESCRIPTION, "samples": []}
    for part in (chunk(5, 2), chunk(9, 1)):
        folder.plan(part)
        shown(folder, part)
    content = json.loads(path.read_text())
    assert {key: content[key] for key in DESCRIPTION} == DESCRIPTION
    assert [entry["id"] for entry in content["samples"]] == folder.ids == [5, 6, 9]
    # decimals are the shortest ones, and exact
    latents = torch.tensor([entry["latent"] for entry in content["samples"]])
    assert torch.equal(latents, torch.cat([chunk(5, 2).latents, chunk(9, 1).latents]))
    assert all(len(str(value)) < 14 for value in content["samples"][0]["latent"])


def test_a_later_command_finds_the_plan(tmp_path: Path) -> None:
    folder = SampleFolder(tmp_path, DESCRIPTION)
    assert folder.unfinished() is None
    folder.plan(chunk(5, 2))
    folder.close()
    later = SampleFolder(tmp_path, {**DESCRIPTION, "created": "tomorrow"})
    plan = later.unfinished()
    assert plan is not None
    assert (plan.start, plan.label, plan.ids) == (5, "label 5", range(5, 7))
    assert torch.equal(plan.latents, chunk(5, 2).latents)
    later.drop_plan()
    assert later.unfinished() is None
    assert later.description["created"] == "today"


def test_the_plan_of_a_finished_chunk_is_removed(tmp_path: Path) -> None:
    folder = SampleFolder(tmp_path, DESCRIPTION)
    shown(folder, chunk(5, 2))
    folder.plan(chunk(5, 2))  # as after a kill between the last two steps
    assert folder.unfinished() is None
    assert not (tmp_path / ".unfinished.json").exists()
    folder.plan(chunk(7, 2))
    assert folder.unfinished() is not None


def test_one_command_at_a_time(tmp_path: Path) -> None:
    first = SampleFolder(tmp_path, DESCRIPTION)
    with pytest.raises(UsageError, match=r"`output` '.*' is in use by another command; wait"):
        SampleFolder(tmp_path, DESCRIPTION)
    first.close()
    SampleFolder(tmp_path, DESCRIPTION).close()


def test_foreign_folders_are_refused_and_unchanged(tmp_path: Path) -> None:
    foreign, empty = tmp_path / "foreign", tmp_path / "empty"
    for path in (foreign, empty):
        path.mkdir()
    (foreign / "thesis.tex").touch()
    with pytest.raises(UsageError, match=r"must be new, empty or of earlier samples, .* thesis"):
        manifest_of(foreign, DESCRIPTION)
    with pytest.raises(
        UsageError, match=r"must be a writable folder, got .*thesis\.tex is not a wr"
    ):
        manifest_of(foreign / "thesis.tex" / "deep", DESCRIPTION)
    assert manifest_of(empty, DESCRIPTION) is None
    assert manifest_of(tmp_path / "new" / "deep", DESCRIPTION) is None
    assert list(foreign.iterdir()) == [foreign / "thesis.tex"]
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("text", ["{", "[]", ""])
def test_a_foreign_manifest_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(UsageError, match=r"holds a manifest\.json that `sample` did not write"):
        manifest_of(tmp_path, DESCRIPTION)


@pytest.mark.parametrize(
    "key", ["checkpoint_sha256", "use_ema", "gallery", "sampler", "real_examples", "seed"]
)
def test_samples_of_one_folder_agree(key: str, tmp_path: Path) -> None:
    SampleFolder(tmp_path, DESCRIPTION).close()
    with pytest.raises(UsageError, match=rf"holds samples with {key} .*, got other; name"):
        manifest_of(tmp_path, {**DESCRIPTION, key: "other"})
