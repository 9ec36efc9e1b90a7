"""The output folder: locked by one command, read back unchanged, refused if foreign."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch

from commands.errors import UsageError
from commands.sample.folder import SampleFolder, manifest_of
from hawc.io.manifests import Chunk

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


WRITTEN = (".lock", "manifest.json", ".unfinished.json", ".manifest.json.part")
WRITTEN += ("00000003.png", ".00000003.png.part", "123456789.png", ".any.part")


@pytest.mark.parametrize("name", WRITTEN)
@pytest.mark.parametrize("kind", ["link", "broken link", "pipe", "folder"])
@pytest.mark.parametrize("has_samples", [False, True])
@pytest.mark.timeout(20)
def test_nothing_is_written_through_what_a_stranger_planted(
    name: str, kind: str, has_samples: bool, tmp_path: Path
) -> None:
    (outside := tmp_path / "outside").write_text("{}")
    path = tmp_path / "out"
    SampleFolder(path, DESCRIPTION).close()
    if not has_samples:
        (path / "manifest.json").unlink()
    (path / name).unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(path / name)
    elif kind == "folder":
        (path / name).mkdir()
    else:
        (path / name).symlink_to(outside if kind == "link" else tmp_path / "missing")
    before = {file: file.lstat().st_mtime_ns for file in path.iterdir()}
    with pytest.raises(UsageError, match=r"holds a .* \(it is a link, a folder or a pipe\)"):
        SampleFolder(path, DESCRIPTION)
    assert {file: file.lstat().st_mtime_ns for file in path.iterdir()} == before
    assert outside.read_text() == "{}"
    assert not (tmp_path / "missing").exists()


def test_own_folders_may_be_links_and_hold_other_files(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (link := tmp_path / "out").symlink_to(tmp_path / "disk")
    SampleFolder(link, DESCRIPTION).close()
    (link / ".notebook").mkdir()
    (link / "favorites").symlink_to(tmp_path)
    SampleFolder(link, DESCRIPTION).close()
    assert (tmp_path / "disk" / "manifest.json").exists()


def test_leftovers_of_killed_commands_are_removed(tmp_path: Path) -> None:
    SampleFolder(tmp_path, DESCRIPTION).close()
    for name in (".00000003.png.part", ".manifest.json.part", ".other", "mine.part"):
        (tmp_path / name).touch()
    SampleFolder(tmp_path, DESCRIPTION).close()
    names = [".lock", ".other", "manifest.json", "mine.part"]
    assert sorted(file.name for file in tmp_path.iterdir()) == names


@pytest.mark.parametrize(
    "samples", ['[{"id": -1, "latent": [1]}]', '[{"id": 0, "latent": [NaN]}]', "[" * 5000, "3"]
)
def test_a_manifest_with_other_samples_is_refused_and_unchanged(
    samples: str, tmp_path: Path
) -> None:
    text = json.dumps(DESCRIPTION).removesuffix("}") + f', "samples": {samples}}}'
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(UsageError, match=r"manifest\.json that `sample` did not write \(.+\)"):
        SampleFolder(tmp_path, DESCRIPTION)
    assert [file.read_text() for file in tmp_path.iterdir()] == [text]


@pytest.mark.parametrize("has_samples", [False, True])
def test_a_damaged_plan_is_refused_and_nothing_changes(has_samples: bool, tmp_path: Path) -> None:
    if has_samples:
        SampleFolder(tmp_path, DESCRIPTION).close()
    (tmp_path / ".unfinished.json").write_text(
        '{"start": -1, "rows": [[1]], "label": "", "dim": 1}'
    )
    before = {file: file.stat().st_mtime_ns for file in tmp_path.iterdir()}
    with pytest.raises(UsageError, match=r"\.unfinished\.json that `sample` did not write"):
        SampleFolder(tmp_path, DESCRIPTION)
    assert {file: file.stat().st_mtime_ns for file in tmp_path.iterdir()} == before


def test_texts_of_strangers_are_printed_as_text(tmp_path: Path) -> None:
    SampleFolder(tmp_path, {**DESCRIPTION, "seed": "\x1b]0;x\x07" * 999}).close()
    with pytest.raises(UsageError, match=r"with seed \\x1b\]0;x.{,80}, got 0; name") as caught:
        manifest_of(tmp_path, DESCRIPTION)
    assert str(caught.value).isprintable()
    (tmp_path / "manifest.json").rename(tmp_path / "\x1b[31m")
    with pytest.raises(UsageError, match=r"with \\x1b\[31m in it") as caught:
        manifest_of(tmp_path, DESCRIPTION)
    assert str(caught.value).isprintable()


def test_a_long_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"must be a writable folder, got .*File name too long"):
        SampleFolder(tmp_path / ("x" * 300), DESCRIPTION)
