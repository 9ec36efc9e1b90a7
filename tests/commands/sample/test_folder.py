"""The output folder: held by one command, read back as it was written, refused if foreign."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from commands.errors import UsageError
from commands.sample.folder import Chunk, SampleFolder, manifest_of

TOLD: dict[str, Any] = {
    "checkpoint_sha256": "abc",
    "gallery": "default",
    "sampler": "sobol",
    "seed": 0,
    "created": "today",
}


def chunk(start: int, n: int) -> Chunk:
    generator = torch.Generator().manual_seed(start)
    return Chunk(start, torch.randn(n, 3, generator=generator), f"label {start}", 3)


def shown(folder: SampleFolder, chunk: Chunk) -> None:
    folder.finish(chunk, [{"id": i, "file": f"{i}.png"} for i in chunk.ids])


def test_the_manifest_is_one_document(tmp_path: Path) -> None:
    folder = SampleFolder(tmp_path / "a" / "b", TOLD)
    path = tmp_path / "a" / "b" / "manifest.json"
    assert json.loads(path.read_text()) == {**TOLD, "samples": []}
    for part in (chunk(5, 2), chunk(9, 1)):
        folder.plan(part)
        shown(folder, part)
    content = json.loads(path.read_text())
    assert {key: content[key] for key in TOLD} == TOLD
    assert [entry["id"] for entry in content["samples"]] == folder.ids == [5, 6, 9]
    # decimals are the shortest ones, and exact
    latents = torch.tensor([entry["latent"] for entry in content["samples"]])
    assert torch.equal(latents, torch.cat([chunk(5, 2).latents, chunk(9, 1).latents]))
    assert all(len(str(value)) < 14 for value in content["samples"][0]["latent"])


def test_an_unfinished_chunk_outlives_its_command(tmp_path: Path) -> None:
    folder = SampleFolder(tmp_path, TOLD)
    assert folder.unfinished() is None
    folder.plan(chunk(5, 2))
    folder.close()
    later = SampleFolder(tmp_path, {**TOLD, "created": "tomorrow"})
    found = later.unfinished()
    assert found is not None
    assert (found.start, found.label, found.ids) == (5, "label 5", range(5, 7))
    assert torch.equal(found.latents, chunk(5, 2).latents)
    later.drop()
    assert later.unfinished() is None
    assert later.description["created"] == "today"


def test_a_plan_that_was_finished_is_forgotten(tmp_path: Path) -> None:
    folder = SampleFolder(tmp_path, TOLD)
    shown(folder, chunk(5, 2))
    folder.plan(chunk(5, 2))  # as after a kill between the last two steps
    assert folder.unfinished() is None
    assert not (tmp_path / ".unfinished.json").exists()
    folder.plan(chunk(7, 2))
    assert folder.unfinished() is not None


def test_one_command_at_a_time(tmp_path: Path) -> None:
    first = SampleFolder(tmp_path, TOLD)
    with pytest.raises(UsageError, match=r"`output` '.*' is in use by another command; wait"):
        SampleFolder(tmp_path, TOLD)
    first.close()
    SampleFolder(tmp_path, TOLD).close()


def test_foreign_folders_are_refused_and_left_alone(tmp_path: Path) -> None:
    foreign, empty = tmp_path / "foreign", tmp_path / "empty"
    for path in (foreign, empty):
        path.mkdir()
    (foreign / "thesis.tex").touch()
    with pytest.raises(UsageError, match=r"must be new, empty or of earlier samples, .* thesis"):
        manifest_of(foreign, TOLD)
    with pytest.raises(UsageError, match=r"must be a writable folder, got .*thesis\.tex is no fol"):
        manifest_of(foreign / "thesis.tex" / "deep", TOLD)
    assert manifest_of(empty, TOLD) is None
    assert manifest_of(tmp_path / "new" / "deep", TOLD) is None
    assert list(foreign.iterdir()) == [foreign / "thesis.tex"]
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("text", ["{", "[]", ""])
def test_a_foreign_manifest_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(UsageError, match=r"holds a manifest\.json that `sample` did not write"):
        manifest_of(tmp_path, TOLD)


@pytest.mark.parametrize(
    "key", ["checkpoint_sha256", "gallery", "sampler", "min_distance", "num_steps", "seed"]
)
def test_samples_of_one_folder_agree(key: str, tmp_path: Path) -> None:
    SampleFolder(tmp_path, {**TOLD, "min_distance": 0.5, "num_steps": 3}).close()
    with pytest.raises(UsageError, match=rf"holds samples with {key} .*, here it is other; name"):
        manifest_of(tmp_path, {**TOLD, key: "other"})


def test_a_manifest_from_before_averages_and_mixtures_means_none(tmp_path: Path) -> None:
    SampleFolder(tmp_path / "out", TOLD).close()
    none = {"use_ema": False, "more_checkpoints_sha256": []}
    assert manifest_of(tmp_path / "out", {**TOLD, **none}) is not None
    with pytest.raises(UsageError, match=r"with more_checkpoints_sha256 \[\], here it is \['a'\]"):
        manifest_of(tmp_path / "out", {**TOLD, "more_checkpoints_sha256": ["a"]})
    with pytest.raises(UsageError, match="holds samples with use_ema False, here it is True"):
        manifest_of(tmp_path / "out", {**TOLD, "use_ema": True})
