"""The command `sample` with latents chosen by features of their images, from end to end."""

import json
import sys
import warnings
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import train
from commands.sample import run as sample_run
from hawc import DatabaseHistory
from hawc.history import Gallery, galleries
from lightning_modules import EnergyVAE
from networks import DigitFeatures, MLPDecoder, MLPEncoder
from tests.mistakes import BASE

STORE = "sqlite:///gallery.db"
NETWORK = ("--sampler.features", "networks.DigitFeatures", "--sampler.features.role", "choosing")


def untrained() -> EnergyVAE:
    encoder, decoder = (partial(network, widths=(200,) * 3) for network in (MLPEncoder, MLPDecoder))
    return EnergyVAE((1, 28, 28), 8, encoder, decoder)


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working directory with a checkpoint of untrained weights."""
    torch.manual_seed(0)
    model = untrained()
    whole = {"state_dict": model.state_dict(), "pytorch-lightning_version": "2.6"}
    torch.save(whole, tmp_path / "whole.ckpt")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["train.py"])


def sample(output: str, num_samples: int, *options: str) -> list[dict[str, Any]]:
    """Returns the entries of the samples in the folder afterwards."""
    train.main(
        [
            *("sample", *BASE, "--ckpt_path", "whole.ckpt", "--trainer.accelerator", "cpu"),
            *("--trainer.enable_progress_bar", "false", "--num_real", "200", "--sampler"),
            *("FeatureSampler", *(options or NETWORK), "--history", STORE, "--output", output),
            *("--create", "true"),
            *("--num_samples", str(num_samples), "--chunk_size", "4"),
        ]
    )
    content = json.loads((Path(output) / "manifest.json").read_text())
    assert content["sampler"]["class_path"] == "hawc.FeatureSampler"
    samples: list[dict[str, Any]] = content["samples"]
    return samples


def rows() -> torch.Tensor:
    """Returns the rows of the gallery."""
    (gallery,) = galleries(STORE)

    @dataclass
    class Rows:
        dim: int

        def __repr__(self) -> str:
            return gallery.target

    return DatabaseHistory(STORE, Rows(gallery.dim), create=True).points()


def test_calls_continue_a_gallery_of_latents_with_their_features(
    capsys: pytest.CaptureFixture[str],
) -> None:
    first, second = sample("first", 5), sample("second", 4)
    assert [entry["id"] for entry in (*first, *second)] == list(range(9))
    latents = torch.tensor([entry["latent"] for entry in (*first, *second)])
    assert torch.equal(latents, rows()[:, :8])
    model = untrained()
    model.load_state_dict(torch.load("whole.ckpt", weights_only=True)["state_dict"])
    with torch.no_grad():
        seen = DigitFeatures("choosing")(model.eval().decode(latents))
    assert torch.allclose(seen, rows()[:, 8:], atol=1e-4)  # another batch size rounds differently
    assert "4, from number 5 to 8 of the gallery" in capsys.readouterr().out


def test_an_interrupted_command_is_finished(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(sample_run.SampleFolder, "finish", interrupt)
        with pytest.raises(SystemExit):
            sample("out", 6)
    assert len(rows()) == 4  # recorded, not yet shown
    entries = sample("out", 6)
    assert torch.equal(torch.tensor([entry["latent"] for entry in entries]), rows()[:, :8])
    assert len(entries) == 6


def test_a_gallery_is_for_one_network(capfd: pytest.CaptureFixture[str]) -> None:
    first = sample("out", 2)
    known = rows()
    with pytest.raises(SystemExit) as ended:
        sample("other", 2, "--sampler.features", "torch.nn.Flatten")
    assert ended.value.code == 2
    assert "`target` must be LatentsWithFeatures(" in capfd.readouterr().err
    assert sample("out", 2) == first
    assert len(known) == 2


def test_arguments_and_seed_change_the_folder_and_not_the_gallery(
    capfd: pytest.CaptureFixture[str],
) -> None:
    first = sample("out", 2)
    distance = (*NETWORK, "--sampler.min_distance", "1")
    with pytest.raises(SystemExit):
        sample("out", 4, *distance)
    assert "holds samples with sampler {'class_path'" in capfd.readouterr().err
    assert sample("out", 2) == first
    sample("other", 2, *distance, "--seed_everything", "1")
    assert len(rows()) == 4


def test_a_network_without_gradients_chooses_among_candidates_and_says_so(
    capfd: pytest.CaptureFixture[str],
) -> None:
    network = ("--sampler.features", "tests.integration.test_sample_feature.Rounded")
    with pytest.raises(SystemExit) as ended:
        sample("out", 2, *network, "--sampler.num_steps", "10")
    assert ended.value.code == 2
    assert "num_steps=0 chooses among candidates" in capfd.readouterr().err.splitlines()[-1]
    with pytest.warns(
        UserWarning, match="num_steps=0 chooses among .* The sampler continues with num_steps=0"
    ):
        assert len(sample("other", 2, *network)) == 2
    with warnings.catch_warnings():
        warnings.filterwarnings("error", ".*num_steps")
        assert len(sample("another", 2, *network, "--sampler.num_steps", "0")) == 2


class Rounded(nn.Module):
    """Has no gradient."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.flatten(1).round()


def test_conditions_without_training_examples() -> None:
    options = (*NETWORK, "--sampler.num_candidates", "30", "--num_real", "0", "--condition")
    for output, condition in (("a", "a dog"), ("b", "a cat"), ("c", "a dog")):
        ids = [entry["id"] for entry in sample(output, 4, *options, condition)]
        assert ids == ([4, 5, 6, 7] if output == "c" else [0, 1, 2, 3])
    gallery = Gallery(STORE)
    assert gallery.conditions() == {"a dog": 8, "a cat": 4}
    assert [row.metadata for row in gallery.rows("a cat")] == [
        {"file": f"b/0000000{i}.png"} for i in range(4)
    ]
    assert len(gallery.history("a dog").candidates()) == 2 * 30
