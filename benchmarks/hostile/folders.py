"""Output and run folders that hold planted things, and exports passed on."""

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.hostile.bases import CHECKPOINT
from benchmarks.hostile.inputs import HONEST, OUTSIDE, Input, canary_command, export, fit, sample

__all__ = ["folder_inputs"]

_MANIFEST, _PLANTED, _EXPORT = "manifest or plan", "planted links and pipes", "export passed on"
_STORE = ("--history", "samples.db")
_PAGE = Path(__file__).parent.parent.parent / "docs" / "exporting.md"


def _json(name: str, change: Callable[[Any], object]) -> Callable[[], None]:
    """Returns a change of a document; what the change returns, if anything, replaces it."""

    def prepare() -> None:
        content = json.loads(Path(name).read_text())
        new = change(content)
        Path(name).write_text(new if isinstance(new, str) else json.dumps(content))

    return prepare


def _of_entries(name: str, value: Any) -> Callable[[Any], None]:
    return lambda content: [entry.update({name: value}) for entry in content["samples"]] and None


def _set(**values: Any) -> Callable[[Any], None]:
    return lambda content: content.update(values)


_DEEP = "[" * 100_000 + "]" * 100_000
MANIFESTS: dict[str, Callable[[Any], object]] = {
    "ids of text": _of_entries("id", "0"),
    "ids below 0": _of_entries("id", -1),
    "ids of 2^70": _of_entries("id", 2**70),
    "ids at half": _of_entries("id", 0.5),
    "ids of null": _of_entries("id", None),
    "ids twice": _of_entries("id", 1),
    "latents are ragged": _of_entries("latent", [[1], [2, 3]]),
    "latents of text": _of_entries("latent", ["x", "y"]),
    "latents are a number": _of_entries("latent", 3),
    "latents of null": _of_entries("latent", None),
    "latents of 400 digits": _of_entries("latent", [10**400, 1]),
    "latents of three": _of_entries("latent", [1.0, 2.0, 3.0]),
    "latents of a million": _of_entries("latent", [0.5] * 10**6),
    "entries are numbers": _set(samples=[1, 2, 3]),
    "entries are null": _set(samples=[None]),
    "entries are texts": _set(samples=["id latent"]),
    "200,000 entries": lambda c: c.update(samples=c["samples"] * 70_000),
    "nested deeply": lambda _: '{"samples": ' + _DEEP + "}",
    "an entry nested deeply": lambda c: json.dumps(c).replace('"id":', f'"x": {_DEEP}, "id":', 1),
    "a key of 5,000 digits": lambda _: '{"samples": [], "seed": ' + "9" * 5000 + "}",
    "escape sequences": _set(model="\x1b]0;x\x07\x1b[31m"),
    "escape sequences in a list": _set(sampler={"\x1b[2J": "\x9b31m"}),
    "condition is a list": _set(condition=[1, 2]),
    "condition of escape sequences": _set(condition="\x1b[31m\u202eevil"),
    "gallery is a number": _set(gallery_id=7),
    "no gallery": lambda c: c.pop("gallery_id") and None,
    "NaN for a seed": _set(seed=float("nan")),
    "a file elsewhere": _of_entries("file", "../../outside/victim.txt"),
    "another encoding": lambda _: None,
    "keys twice": lambda c: json.dumps(c)[:-1] + ', "samples": 3}',
    "1 GB of holes": lambda _: "",
}
PLANS: dict[str, Callable[[Any], object]] = {
    "rows are ragged": _set(rows=[[1.0], [1.0, 2.0]]),
    "rows of text": _set(rows=[["a", "b"]]),
    "rows of dicts": _set(rows=[{"a": 1}]),
    "rows are empty": _set(rows=[]),
    "rows of one axis": _set(rows=[1.0, 2.0]),
    "rows of another dimension": _set(rows=[[1.0, 2.0, 3.0]] * 3),
    "rows of NaN": _set(rows=[[float("nan")] * 2] * 3),
    "rows of 400 digits": _set(rows=[[10**400, 1]] * 3),
    "start below 0": _set(start=-3),
    "start of 2^70": _set(start=2**70),
    "start is true": _set(start=True),
    "dimension 0": _set(dim=0),
    "dimension below 0": _set(dim=-1),
    "dimension 10^12": _set(dim=10**12),
    "label is empty": _set(label=""),
    "label of escape sequences": _set(label="\x1b[31m"),
    "a list": lambda _: "[1]",
    "nested deeply": lambda _: '{"start": 0, "label": "x", "dim": 2, "rows": ' + _DEEP + "}",
    "a million rows": _set(rows=[[0.5, 0.5]] * 10**6),
}


def _replaced(path: str, by: Callable[[str], object]) -> Callable[[], None]:
    def prepare() -> None:
        place = Path(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        place.unlink(missing_ok=True)
        by(path)

    return prepare


def _outside(name: str) -> str:
    return str((Path.cwd() / OUTSIDE / name).resolve())


_BY: dict[str, Callable[[str], object]] = {
    "link to a file": lambda path: os.symlink(_outside("victim.txt"), path),
    "link to no file": lambda path: os.symlink(_outside("canary"), path),
    "link to a folder": lambda path: os.symlink(_outside("kept"), path),
    "pipe": lambda path: os.mkfifo(path),
    "hard link": lambda path: os.link(_outside("victim.txt"), path),
    "device": lambda path: os.symlink("/dev/full", path),
}
_OUTPUT = (".lock", "manifest.json", ".manifest.json.part", ".unfinished.json")
_OUTPUT += ("..unfinished.json.part", "00000003.png", ".00000003.png.part")
_RUN = (".job", ".job.part", "..job.part", "config.yaml", ".config.yaml.part", "metrics.csv")
_RUN += ("checkpoints", "images", "checkpoints/.last.ckpt.part", "checkpoints/last.ckpt", ".lock")
_EXPORTED = ("generator.json", ".generator.json.part", ".generator.safetensors.part", ".lock")
_JOB = {"SLURM_JOB_ID": "17", "SLURM_JOB_NAME": "train", "SLURM_RESTART_COUNT": "1"}


def _in_job(action: Callable[[], object]) -> Callable[[], object]:
    """Returns a command of a job that SLURM has started again, whose folder may exist."""

    def act() -> None:
        os.environ.update({**_JOB, "SLURM_NTASKS": "1", "SLURM_NTASKS_PER_NODE": "1"})
        action()

    return act


def _planted() -> Iterator[Input]:
    logged = fit("--trainer.logger", "CSVLogger", "--trainer.logger.save_dir", "new")
    for number, name in enumerate(_OUTPUT * 2):
        by = [*_BY][(number + number // len(_OUTPUT)) % len(_BY)]
        prepare = _replaced(f"samples/{name}", _BY[by])
        yield Input(_PLANTED, f"{by} as {name}", prepare, sample(*_STORE, output="samples"))
    for number, name in enumerate(_RUN * 2):
        by = [*_BY][(2 * number + number // len(_RUN)) % len(_BY)]
        action = (logged, _in_job(fit()))[number % 2]
        yield Input(_PLANTED, f"{by} as run's {name}", _replaced(f"new/{name}", _BY[by]), action)
    for number, name in enumerate(_EXPORTED):
        by = [*_BY][number % len(_BY)]
        yield Input(
            _PLANTED,
            f"{by} as export's {name}",
            _replaced(f"new/{name}", _BY[by]),
            export(CHECKPOINT),
        )
    for by in _BY:
        yield Input(_PLANTED, f"{by} as output", _replaced("new", _BY[by]), sample(*_STORE))
        yield Input(_PLANTED, f"{by} as run folder", _replaced("new", _BY[by]), fit())


def _exported(change: Callable[[Any], object]) -> Callable[[], None]:
    def prepare() -> None:
        os.makedirs("new")
        export(CHECKPOINT, "--output", "exported")()
        os.chdir("exported")
        _json("generator.json", change)()

    return prepare


def _recipe() -> None:
    """Runs the program for weights and description that the documentation prints."""
    blocks = re.findall(r"```python\n(.*?)```", _PAGE.read_text(), re.DOTALL)
    (program,) = [block for block in blocks if "ALLOWED" in block]
    import torch

    exec(program, {"__name__": "recipe", "latents": torch.zeros(2, 2)})


def _network(name: str, **arguments: Any) -> Callable[[Any], None]:
    return _set(network={"class_path": name, "init_args": arguments})


EXPORTS: dict[str, Callable[[Any], object]] = {
    "os.system": lambda c: c.update(
        network={"class_path": "os.system", "init_args": {}}, shape=canary_command()
    ),
    "subprocess.Popen": lambda c: c.update(
        network={
            "class_path": "subprocess.Popen",
            "init_args": {"args": ["touch", "../../outside/canary"], "bufsize": -1},
        }
    ),
    "a shell by keyword": _network("subprocess.call", shell=True, executable="/bin/sh"),
    "runpy": _network("runpy.run_path"),
    "os.spawnvp": lambda c: c.update(
        shape=["t"], latent_dim="touch", network={"class_path": "os.execlp", "init_args": {}}
    ),
    "a module of this folder": _network("evil.Network"),
    "builtins.exec": lambda c: c.update(
        shape=[], latent_dim=None, network={"class_path": "builtins.exec", "init_args": {}}
    ),
    "a nested name": _network("networks.mlp_decoder.torch.os.system"),
    "no name": _network(""),
    "another digest": _set(sha256={"generator.safetensors": "0" * 64}),
    "no digest": _set(sha256={}),
}


def _evil(prepare: Callable[[], None]) -> Callable[[], None]:
    """Returns a preparation with a module beside the files, which a stranger packs with them."""

    def both() -> None:
        prepare()
        text = "open('../../outside/canary', 'w')\nclass Network: pass\n"
        Path("evil.py").write_text(text)

    return both


def folder_inputs() -> Iterator[Input]:
    """Yields manifests, plans, planted files and exports."""
    yield Input(_MANIFEST, HONEST, lambda: None, sample(*_STORE, output="samples"))
    for name, change in MANIFESTS.items():
        prepare = _json("samples/manifest.json", change)
        if name == "another encoding":
            prepare = lambda: Path("samples/manifest.json").write_bytes(b"\xff\xfe{\0}\0")  # noqa: E731
        if name == "1 GB of holes":
            prepare = lambda: os.truncate("samples/manifest.json", 10**9)  # noqa: E731
        yield Input(_MANIFEST, f"manifest: {name}", prepare, sample(*_STORE, output="samples"))
    for name, change in PLANS.items():
        prepare = _json("samples-planned/.unfinished.json", change)
        yield Input(_MANIFEST, f"plan: {name}", prepare, sample(*_STORE, output="samples-planned"))
    yield Input(_PLANTED, HONEST, lambda: None, fit())
    yield from _planted()
    yield Input(_EXPORT, HONEST, _exported(lambda _: None), _recipe)
    for name, change in EXPORTS.items():
        yield Input(_EXPORT, name, _evil(_exported(change)), _recipe)
