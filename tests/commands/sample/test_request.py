"""The options of `sample`: checked, given defaults, and described in the manifest."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from commands.errors import UsageError
from commands.sample.request import SampleRequest
from hawc import DatabaseHistory, FeatureSampler, IndependentSampler, SobolSampler
from tests.helpers import TinyImages, tiny_energy_vae


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    path = tmp_path / "run" / "checkpoints" / "last.ckpt"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"weights")
    return path


def request_of(checkpoint: Path, **options: Any) -> SampleRequest:
    defaults = {"num_samples": 5, "sampler": IndependentSampler, "chunk_size": 2}
    return SampleRequest(str(checkpoint), **{**defaults, **options})


@pytest.mark.parametrize("name", ["num_samples", "chunk_size"])
def test_sizes_are_positive(name: str, checkpoint: Path) -> None:
    with pytest.raises(UsageError, match=f"`{name}` must be at least 1, got 0"):
        request_of(checkpoint, **{name: 0})


def test_a_sampler_with_features_has_a_gallery_of_latents_and_features(checkpoint: Path) -> None:
    request = request_of(checkpoint, sampler=partial(FeatureSampler, features=nn.Flatten()))
    run = request.open(tiny_energy_vae(), TinyImages(batch_size=4))
    assert run.folder.description["real_examples"].startswith("72 of TinyImages")
    assert run.next_chunk(0).rows.shape == (2, 2 + 64)
    assert run.next_chunk(1).latents.shape == (2, 2)
    assert "RealFeatures(network='Flatten(" in run.history.target
    run.folder.close()


def test_defaults_are_in_the_run(checkpoint: Path) -> None:
    run = request_of(checkpoint).open(tiny_energy_vae())
    assert run.folder.path.parent == checkpoint.parent.parent / "samples"
    assert (checkpoint.parent.parent / "gallery.db").exists()
    assert run.num_chunks == 3
    description = run.folder.description
    assert description["checkpoint"] == str(checkpoint)
    assert description["prior"] == "StandardNormal(dim=2)"
    # printf weights | sha256sum
    assert description["checkpoint_sha256"].startswith("9a129038d9a00aed")


@pytest.mark.parametrize(("name", "option"), [("samples", "output"), ("gallery.db", "history")])
def test_defaults_do_not_leave_the_run(
    name: str, option: str, checkpoint: Path, tmp_path: Path
) -> None:
    (outside := tmp_path / "outside").mkdir()
    (checkpoint.parent.parent / name).symlink_to(outside / "x")
    with pytest.raises(UsageError, match=rf"name a place with --{option}\."):
        request_of(checkpoint).open(tiny_energy_vae())
    assert list(outside.iterdir()) == []


def test_the_manifest_says_what_decodes(checkpoint: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.ckpt"
    other.write_bytes(b"others")
    request = request_of(
        checkpoint,
        more_checkpoints=[str(other)],
        sampler=partial(SobolSampler, seed=4),
        use_ema=True,
    )
    description = request.open(tiny_energy_vae(), seed=7).folder.description
    assert description["sampler"] == {"class_path": "hawc.SobolSampler", "init_args": {"seed": 4}}
    assert description["seed"] == 7
    assert description["more_checkpoints"] == [str(other)]
    # printf others | sha256sum
    assert description["more_checkpoints_sha256"][0].startswith("01db91d06032cc64")
    assert description["use_ema"]
    plain = (
        request_of(checkpoint, gallery="b", create=True).open(tiny_energy_vae()).folder.description
    )
    assert (plain["more_checkpoints"], plain["use_ema"]) == ([], False)


def test_the_manifest_says_where_its_gallery_is(checkpoint: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/x/../gallery.db?timeout=5"
    (tmp_path / "x").mkdir()
    run = request_of(checkpoint, history=url, create=True).open(tiny_energy_vae())
    manifest = json.loads((run.folder.path / "manifest.json").read_text())
    assert manifest["history"] == f"sqlite:///{tmp_path}/x/../gallery.db"
    assert manifest["gallery_id"] == run.history.identity
    run.folder.close()


def test_a_plain_path_names_a_sqlite_file(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = request_of(checkpoint, history="all seen.db", create=True).open(tiny_energy_vae())
    run.folder.close()
    assert (tmp_path / "all seen.db").is_file()


def test_a_gallery_of_the_same_name_elsewhere_is_another(checkpoint: Path, tmp_path: Path) -> None:
    output, model = str(tmp_path / "out"), tiny_energy_vae()
    options = {"output": output, "history": f"sqlite:///{tmp_path}/a.db"}
    first = request_of(checkpoint, **options, create=True).open(model)
    first.next_chunk(0)  # recorded and planned, not shown
    first.folder.close()
    other = f"sqlite:///{tmp_path}/b.db"
    for complaint in ("`history` must name a", "samples with gallery_id"):
        with pytest.raises(UsageError, match=complaint):
            request_of(checkpoint, output=output, history=other).open(model)
        DatabaseHistory(other, model.prior, create=True)  # now a gallery of this name exists there
    again = request_of(checkpoint, **options).open(model)
    assert torch.equal(again.next_chunk(0).latents, again.history.points())  # the recorded ones


def test_a_prior_without_a_sobol_sequence_is_refused_before_anything_is_written(
    checkpoint: Path,
) -> None:
    model = tiny_energy_vae(latent_loss="paper")
    before = sorted(checkpoint.parent.parent.rglob("*"))
    with pytest.raises(UsageError, match=r"`sampler` cannot be built: .* got StudentT\(dim=2"):
        request_of(checkpoint, sampler=SobolSampler).open(model)
    assert sorted(checkpoint.parent.parent.rglob("*")) == before


def test_a_folder_with_samples_needs_its_gallery(checkpoint: Path, tmp_path: Path) -> None:
    output = str(tmp_path / "out")
    run = request_of(checkpoint, output=output).open(tiny_energy_vae())
    chunk = run.next_chunk(0)
    run.folder.finish(chunk, [{"id": i} for i in chunk.ids])
    run.folder.close()
    elsewhere = f"sqlite:///{tmp_path}/other.db"
    with pytest.raises(UsageError, match=r"`history` must name a"):
        request_of(checkpoint, output=output, history=elsewhere).open(tiny_energy_vae())
    assert not (tmp_path / "other.db").exists()
    request_of(checkpoint, gallery="b", create=True).open(tiny_energy_vae())
    again = request_of(checkpoint, output=output, num_samples=6).open(tiny_energy_vae())
    assert again.num_chunks == 2


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"history": "galery.db"}, r"`history` must name a store .* no such file.*gallery\.db"),
        ({"gallery": "sen"}, "`gallery` must .*'sen'.*seen"),
        ({"condition": "a dg"}, "`condition` must .*a dg.*a dog"),
        ({"gallery": "seen", "condition": "a dog"}, "`condition` must .*a dog"),
    ],
)
def test_what_the_user_names_must_exist(
    options: dict[str, str], complaint: str, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_folder = checkpoint.parent.parent
    monkeypatch.chdir(run_folder)
    model = tiny_energy_vae()
    for existing in ({"gallery": "seen"}, {"condition": "a dog"}):
        request_of(checkpoint, **existing, create=True).open(model).folder.close()
    before = {path: path.read_bytes() for path in run_folder.rglob("*") if path.is_file()}
    with pytest.raises(UsageError, match=complaint) as caught:
        request_of(checkpoint, **options).open(model)
    assert "add --create true" in str(caught.value)
    assert {path: path.read_bytes() for path in run_folder.rglob("*") if path.is_file()} == before
    request_of(checkpoint, **options, create=True).open(model)


def test_conditions_have_samples_of_their_own(checkpoint: Path, tmp_path: Path) -> None:
    model = tiny_energy_vae()
    for condition in ("", 'a "red" café 😀\n<script>', "x" * 1000):
        options = {"condition": condition, "output": str(tmp_path / str(len(condition)))}
        run = request_of(checkpoint, **options, create=True).open(model)
        assert run.next_chunk(0).ids == range(2)
        assert run.folder.description["condition"] == condition
        run.folder.close()
        again = request_of(checkpoint, **options).open(model)
        assert again.num_chunks == 1 + 2  # what was recorded and not shown, and what is missing
        again.folder.close()


def test_two_conditions_never_share_a_folder(checkpoint: Path, tmp_path: Path) -> None:
    model, output = tiny_energy_vae(), str(tmp_path / "out")
    options = {"output": output, "create": True}
    request_of(checkpoint, **options, condition="a").open(model).folder.close()
    for other in ("", "b"):
        with pytest.raises(UsageError, match=f'holds samples with condition "a", got "{other}"'):
            request_of(checkpoint, **options, condition=other).open(model)


def test_a_folder_of_an_earlier_version_is_of_the_default_condition(
    checkpoint: Path, tmp_path: Path
) -> None:
    model, output = tiny_energy_vae(), tmp_path / "out"
    request_of(checkpoint, output=str(output)).open(model).folder.close()
    manifest = json.loads((output / "manifest.json").read_text())
    del manifest["condition"]
    (output / "manifest.json").write_text(json.dumps(manifest))
    request_of(checkpoint, output=str(output)).open(model).folder.close()
    with pytest.raises(UsageError, match='holds samples with condition "", got "a"'):
        request_of(checkpoint, output=str(output), condition="a", create=True).open(model)
