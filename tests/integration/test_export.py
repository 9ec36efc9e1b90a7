"""The command `export` from end to end, and the page on loading its files."""

import contextlib
import hashlib
import importlib
import io
import json
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save
from torch import Tensor

import train
from networks import MLPDecoder

ROOT = Path(__file__).parents[2]
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
    """Runs `export` and returns its output folder."""
    monkeypatch.setattr(sys, "argv", ["train.py"])

    def run(*arguments: str) -> Path:
        train.main(["export", str(trained), "--output", str(tmp_path / "out"), *arguments])
        return tmp_path / "out"

    return run


def built(folder: Path) -> tuple[Callable[[Tensor], Tensor], dict[str, Any]]:
    """Returns a generator built from weights and metadata, and the metadata."""
    metadata = json.loads((folder / "generator.json").read_text())
    module, _, name = metadata["network"]["class_path"].rpartition(".")
    network_class = getattr(importlib.import_module(module), name)
    network = network_class(
        tuple(metadata["shape"]), metadata["latent_dim"], **metadata["network"]["init_args"]
    )
    network.load_state_dict(load_file(folder / "generator.safetensors"))
    network.eval()
    return lambda z: (network(z).tanh() + 1) / 2, metadata


def weights_of(trained: Path) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Returns the generator's weights in the checkpoint, and their average."""
    content = torch.load(trained / "checkpoints" / "last.ckpt", weights_only=True)
    own = {k: v for k, v in content["state_dict"].items() if k.startswith("generator.")}
    average = content["callbacks"]["GeneratorEMA"]["average"]
    return {k.removeprefix("generator."): v for k, v in own.items()}, average


@torch.no_grad()
def test_exported_files_give_the_same_images(
    export: Export, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = export()
    assert "the generator, with the average of its weights:" in capsys.readouterr().out
    make, metadata = built(folder)
    weights = load_file(folder / "generator.safetensors")
    own, average = weights_of(trained)
    with safe_open(folder / "generator.safetensors", "pt") as file:
        assert file.metadata() == {"format": "pt"}  # other libraries need it
    assert weights.keys() == average.keys()
    assert all(torch.equal(weights[name], average[name]) for name in average)
    assert not any(torch.equal(weights[name], own[name]) for name in own)
    assert metadata["averaged"] is True
    assert metadata["prior"] == "StandardNormal(dim=3)"
    latents = torch.randn(5, 3)
    images = make(latents)
    assert images.shape == (5, 1, 28, 28)
    program = torch.export.load(folder / "generator.pt2").module()
    assert torch.equal(program(latents), images)


def test_the_weights_themselves_without_a_program(export: Export, trained: Path) -> None:
    cluster = ("--trainer.accelerator", "gpu", "--trainer.devices", "4", "--trainer.num_nodes", "2")
    folder = export("--use_ema", "false", "--program", "false", *cluster)
    assert {path.suffix for path in folder.iterdir()} == {".json", ".safetensors"}
    weights = load_file(folder / "generator.safetensors")
    own, _ = weights_of(trained)
    assert all(torch.equal(weights[name], own[name]) for name in own)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("export", "{run}", "--output", "{run}"), r"`output` must be new or empty, got '.*run'"),
        (
            ("export", "{run}/checkpoints"),
            r"`export` needs the folder of a run, got '.*' without config",
        ),
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


# Restricts imports to the standard library and the named distributions with their dependencies.
ALONE = """
import importlib.machinery, importlib.metadata as metadata, re, sys

def closure(name, known):
    name = re.sub("[-_.]+", "-", name).lower()
    if name in known:
        return known
    known.add(name)
    try:
        needed = metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        needed = []
    for line in needed:
        if "extra ==" not in line:
            closure(re.match("[A-Za-z0-9_.-]+", line)[0], known)
    return known

allowed = set()
for name in sys.argv[1:]:
    closure(name, allowed)
owners = metadata.packages_distributions()

class Bare(importlib.machinery.PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        names = owners.get(name.partition(".")[0])
        if names and not {re.sub("[-_.]+", "-", n).lower() for n in names} & allowed:
            return None
        return super().find_spec(name, path, target)

kept = (importlib.machinery.BuiltinImporter, importlib.machinery.FrozenImporter)
sys.meta_path[:] = [*kept, Bare]  # without what editable installations add
sys.path[:0] = ["."]
"""


def page_blocks() -> list[str]:
    """Returns the Python programs of docs/exporting.md."""
    page = (ROOT / "docs" / "exporting.md").read_text()
    return re.findall(r"```python\n(.*?)```", page, re.DOTALL)


def run_alone(program: str, *distributions: str) -> str:
    """Returns the output of a program in a process that can import only these distributions."""
    command = [sys.executable, "-I", "-W", "ignore", "-c", ALONE + program, *distributions]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    return found.stdout


def test_the_page_loads_them(export: Export, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = export()
    monkeypatch.chdir(folder)
    blocks = page_blocks()
    assert len(blocks) == 2
    shutil.copytree(ROOT / "networks", "networks", ignore=shutil.ignore_patterns("weights"))
    shown = "print(images.requires_grad, *images.shape, images.double().sum().item())\n"
    seeded = "import torch\ntorch.manual_seed(0)\n"
    first = run_alone(seeded + blocks[0] + shown, "torch")
    assert first.startswith("False 16 1 28 28 ")
    latents = seeded + "latents = torch.randn(16, 3)\n"
    assert run_alone(latents + blocks[1] + shown, "torch", "safetensors") == first


@pytest.mark.parametrize(
    ("key", "value", "complaint"),
    [
        ("class_path", "subprocess.Popen", "must be one of .*, got 'subprocess.Popen'"),
        ("class_path", "networks.MLPDecoder.__init__", "must be one of"),
        ("class_path", "\x1b[31m", r"got '\\x1b\[31m'"),
        ("sha256", {"generator.safetensors": "0" * 64}, "differs from the exported file"),
    ],
)
def test_the_page_checks_class_and_digest(
    key: str, value: Any, complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The network of the description is never built."""
    monkeypatch.chdir(tmp_path)
    weights = save(MLPDecoder((1, 28, 28), 3).state_dict())
    Path("generator.safetensors").write_bytes(weights)
    metadata: dict[str, Any] = {
        **{"shape": [1, 28, 28], "latent_dim": 3},
        "network": {"class_path": "networks.MLPDecoder", "init_args": {"widths": None}},
        "sha256": {"generator.safetensors": hashlib.sha256(weights).hexdigest()},
    }
    metadata["network" if key == "class_path" else key] |= (
        {key: value} if key == "class_path" else value
    )
    Path("generator.json").write_text(json.dumps(metadata))
    program = page_blocks()[1]
    with pytest.raises(ValueError, match=complaint):
        exec(compile(program, "page", "exec"), {"latents": torch.zeros(1, 3)})


class Payload:
    """Writes a file when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("ran").absolute(),)


def test_a_program_can_run_code_as_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    program = torch.export.export(torch.nn.Linear(3, 1), (torch.zeros(2, 3),))
    torch.export.save(program, "generator.pt2")
    buffer = io.BytesIO()
    torch.save(Payload(), buffer)
    with zipfile.ZipFile("generator.pt2") as read, zipfile.ZipFile("evil.pt2", "w") as tampered:
        for name in read.namelist():
            is_example = name.endswith("sample_inputs/model.pt")
            tampered.writestr(name, buffer.getvalue() if is_example else read.read(name))
    with contextlib.suppress(Exception):
        torch.export.load("evil.pt2")
    assert Path("ran").exists(), "correct docs/exporting.md: torch has become safer"


def test_no_other_package_is_found_there() -> None:
    found = run_alone("try:\n import jaxtyping\nexcept ImportError:\n print('none')", "torch")
    assert found == "none\n"
