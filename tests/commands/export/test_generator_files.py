"""Exported files give the same images, bit by bit. Whole: tests/integration/test_export.py."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from lightning import LightningModule
from lightning.pytorch.demos.boring_classes import BoringModel
from safetensors.torch import load_file
from torch import Tensor, nn

from commands.errors import UsageError
from commands.export.generator_files import check_exportable, check_free, write_generator
from commands.run.folder import claim, forget_run_folder
from lightning_modules import WGAN
from tests.helpers import tiny_decoder, tiny_encoder, tiny_energy_vae, tiny_wgan
from tests.tiny_domains import tiny_disco_gan


def rows_wgan() -> WGAN:
    return WGAN((5,), latent_dim=3, generator=tiny_decoder, critic=tiny_encoder)


@pytest.mark.parametrize(
    ("model", "role", "formula"),
    [
        (tiny_energy_vae(), "decoder", "sigmoid(network(z))"),
        (tiny_wgan(), "generator", "(tanh(network(z)) + 1) / 2"),
        (rows_wgan(), "generator", "network(z)"),
    ],
    ids=["autoencoder", "GAN", "rows"],
)
@torch.no_grad()
def test_weights_formula_and_program(model: WGAN, role: str, formula: str, tmp_path: Path) -> None:
    files = write_generator(model, tmp_path / "out", {"averaged": False}, with_program=True)
    assert [path.name for path in files] == [
        *("generator.safetensors", "generator.pt2", "generator.json")
    ]
    metadata = json.loads(files[2].read_text())
    assert metadata["images"] == formula
    assert metadata["shape"] == list(model.image_shape)
    assert metadata["prior"] == repr(model.prior)
    assert metadata["network"] is None  # it was given as a function
    weights = load_file(files[0])
    expected = getattr(model, role).state_dict()
    assert weights.keys() == expected.keys()
    assert all(torch.equal(weights[name], expected[name]) for name in expected)
    program = torch.export.load(files[1]).module()
    for n in (1, 2, 7):
        latents = torch.randn(n, metadata["latent_dim"])
        assert torch.equal(program(latents), model.decode(latents))


class RandomNetwork(nn.Module):
    def forward(self, z: Tensor) -> Tensor:
        return z + torch.rand_like(z)


class BranchingNetwork(nn.Module):
    def forward(self, z: Tensor) -> Tensor:
        return z if z.sum() > 0 else -z


@pytest.mark.parametrize(
    ("network", "reason"),
    [(RandomNetwork(), "its images would differ"), (BranchingNetwork(), ".+")],
)
def test_networks_that_cannot_be_exported_as_a_program(
    network: nn.Module, reason: str, tmp_path: Path
) -> None:
    model = rows_wgan()
    model.generator = network
    message = rf"`program` needs a network .*, got that of WGAN \({reason}\); leave it out"
    with pytest.raises(UsageError, match=message):
        write_generator(model, tmp_path / "out", {}, with_program=True)
    assert not (tmp_path / "out").exists()
    files = write_generator(model, tmp_path / "out", {}, with_program=False)
    assert [path.suffix for path in files] == [".safetensors", ".json"]


@pytest.mark.parametrize("model", [BoringModel(), tiny_disco_gan()])
def test_models_that_do_not_generate_from_latents(model: LightningModule) -> None:
    with pytest.raises(
        UsageError, match="`model` must be an autoencoder or generate images from latents"
    ):
        check_exportable(model)


def files_in(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


@pytest.fixture(autouse=True)
def released() -> Iterator[None]:
    yield
    forget_run_folder()


class KilledError(BaseException):
    """Ends a function like a kill."""


@pytest.mark.parametrize("writes", [0, 1, 2])
def test_a_killed_export_is_finished_by_the_next(
    writes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = os.replace

    def killed(source: Path, goal: Path) -> None:
        if len(files_in(goal.parent)) > writes:
            shutil.copy(source, tmp_path / "part")  # an error removes it, a kill does not
            raise KilledError
        replace(source, goal)

    model, out = tiny_wgan(), tmp_path / "out"
    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", killed)
        with pytest.raises(KilledError):
            write_generator(model, out, {}, with_program=True)
    names = ["generator.safetensors", "generator.pt2", "generator.json"]
    (tmp_path / "part").rename(out / f".{names[writes]}.part")
    forget_run_folder()  # as the end of the process does
    write_generator(model, out, {}, with_program=False)
    assert files_in(out) == ["generator.json", "generator.safetensors"]


@pytest.mark.parametrize("name", [".generator.json.part", "generator.pt2", "generator.json"])
@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
@pytest.mark.timeout(20)
def test_nothing_is_written_through_what_a_stranger_planted(
    name: str, kind: str, tmp_path: Path
) -> None:
    (out := tmp_path / "out").mkdir()
    (outside := tmp_path / "outside").write_text("mine")
    if kind == "link":
        (out / name).symlink_to(outside)
    elif kind == "pipe":
        os.mkfifo(out / name)
    else:
        (out / name).mkdir()
    with pytest.raises(UsageError, match="`output` must be new or empty"):
        write_generator(tiny_wgan(), out, {}, with_program=False)
    assert (outside.read_text(), files_in(out)) == ("mine", [name])


def test_one_export_at_a_time(tmp_path: Path) -> None:
    (out := tmp_path / "out").mkdir()
    assert claim(out)
    with pytest.raises(UsageError, match="is in use by another export; wait for it"):
        write_generator(tiny_wgan(), out, {}, with_program=False)
    assert files_in(out) == []


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    check_free(tmp_path)
    check_free(tmp_path / "new")
    (tmp_path / "file").touch()
    (tmp_path / "complete").mkdir()
    (tmp_path / "complete" / "generator.json").touch()
    for path in (tmp_path, tmp_path / "file", tmp_path / "complete"):
        with pytest.raises(UsageError, match=r"`output` must be new or empty, got '.*'; name"):
            check_free(path)


def test_a_folder_that_cannot_be_created(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"`output` must be a writable folder, got"):
        write_generator(tiny_wgan(), tmp_path / "file" / "out", {}, with_program=False)
