"""The command `export` from end to end, and the page that says how to load what it wrote."""

import importlib
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor

import train

ROOT = Path(__file__).parent.parent
ADAM = {"class_path": "torch.optim.Adam", "init_args": {"lr": 1.0e-3}}
WGAN: dict[str, Any] = {
    "class_path": "WGAN",
    "init_args": {
        **{"latent_dim": 3, "n_critic": 1},
        "generator": {"class_path": "networks.MLPDecoder", "init_args": {"widths": [16]}},
        "critic": {"class_path": "networks.MLPEncoder"},
        "generator_optimizer": ADAM,
        "critic_optimizer": ADAM,
    },
}
Export = Callable[..., Path]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a few steps with an average."""
    folder = tmp_path_factory.mktemp("trained")
    config = {
        "model": WGAN,
        "data": {"class_path": "MNIST5k", "init_args": {"batch_size": 20, "num_validation": 0}},
        "trainer": {
            **{"accelerator": "cpu", "max_epochs": 1, "limit_train_batches": 4, "logger": False},
            **{"enable_progress_bar": False, "enable_model_summary": False},
            "callbacks": [{"class_path": "GeneratorEMA"}],
        },
    }
    (folder / "wgan.yaml").write_text(json.dumps(config))  # JSON is YAML
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["train.py"])
        train.main(["--config", str(folder / "wgan.yaml"), "--run_folder", str(folder / "run")])
    return folder / "run"


@pytest.fixture
def export(trained: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Export:
    """Runs `export` and returns its output folder, in which it leaves the working directory."""
    monkeypatch.setattr(sys, "argv", ["train.py"])

    def run(*arguments: str) -> Path:
        train.main(["export", str(trained), "--output", str(tmp_path / "out"), *arguments])
        return tmp_path / "out"

    return run


def built(folder: Path) -> tuple[Callable[[Tensor], Tensor], dict[str, Any]]:
    """Returns what a stranger makes of the files but the program, and what is told there."""
    told = json.loads((folder / "generator.json").read_text())
    module, _, name = told["network"]["class_path"].rpartition(".")
    made = getattr(importlib.import_module(module), name)
    network = made(tuple(told["shape"]), told["latent_dim"], **told["network"]["init_args"])
    network.load_state_dict(load_file(folder / "generator.safetensors"))
    network.eval()
    return lambda z: (network(z).tanh() + 1) / 2, told


def weights_of(trained: Path) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Returns the generator's weights in the checkpoint, and the average of them."""
    content = torch.load(trained / "checkpoints" / "last.ckpt", weights_only=True)
    own = {k: v for k, v in content["state_dict"].items() if k.startswith("generator.")}
    average = content["callbacks"]["GeneratorEMA"]["average"]
    return {k.removeprefix("generator."): v for k, v in own.items()}, average


@torch.no_grad()
def test_a_round_trip_makes_the_same_pictures(
    export: Export, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = export()
    assert "the generator, by the average of its weights:" in capsys.readouterr().out
    make, told = built(folder)
    weights = load_file(folder / "generator.safetensors")
    own, average = weights_of(trained)
    with safe_open(folder / "generator.safetensors", "pt") as file:
        assert file.metadata() == {"format": "pt"}  # other libraries ask for it
    assert weights.keys() == average.keys()
    assert all(torch.equal(weights[name], average[name]) for name in average)
    assert not any(torch.equal(weights[name], own[name]) for name in own)
    assert told["averaged"] is True
    assert told["latent_law"] == "StandardNormal(dim=3)"
    latents = torch.randn(5, 3)
    pictures = make(latents)
    assert pictures.shape == (5, 1, 28, 28)
    program = torch.export.load(folder / "generator.pt2").module()
    assert torch.equal(program(latents), pictures)


def test_the_weights_themselves_without_a_program(export: Export, trained: Path) -> None:
    folder = export("--use_ema", "false", "--program", "false")
    assert {path.suffix for path in folder.iterdir()} == {".json", ".safetensors"}
    weights = load_file(folder / "generator.safetensors")
    own, _ = weights_of(trained)
    assert all(torch.equal(weights[name], own[name]) for name in own)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("export", "{run}", "--output", "{run}"), r"`output` must be new or empty, got '.*run'"),
        (("export", "{run}/checkpoints"), r"`export` needs the folder of a run, with config\.yaml"),
        (("export", "{run}", "--ckpt_path", "no.ckpt"), r"`ckpt_path` must be a checkpoint file"),
        (("export", "{run}", "--outputt", "x"), r"option `outputt`\. Did you mean output\?"),
    ],
)
def test_mistakes(
    arguments: tuple[str, ...],
    expected: str,
    trained: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["train.py"])
    before = {path: path.stat().st_mtime_ns for path in trained.rglob("*")}
    with pytest.raises(SystemExit) as ended:
        train.main([argument.format(run=trained) for argument in arguments])
    said = capfd.readouterr().err
    assert ended.value.code == 2
    assert len(said.splitlines()) == 1
    assert re.search(expected, said), said
    assert {path: path.stat().st_mtime_ns for path in trained.rglob("*")} == before


def test_the_page_says_how_to_load_them(export: Export, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(export())
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "exporting.md").read_text(), re.S)
    assert len(blocks) == 2
    names: dict[str, Any] = {}
    exec(blocks[0], names)
    pictures = names["pictures"]
    assert pictures.shape == (16, 1, 28, 28)
    exec(blocks[1], names)
    assert torch.equal(names["pictures"], pictures)
