"""Configurations that name functions, or that are larger than they look."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

from benchmarks.hostile.bases import CHECKPOINT, CONFIG
from benchmarks.hostile.inputs import HONEST, OUTSIDE, Input, canary_command, fit, train_command

__all__ = ["configuration_inputs"]

_CALLS, _BOMBS = "configuration: functions", "configuration: sizes"
_PYTHON = f"__import__('os').system({canary_command()!r})"
_CALLED: dict[str, dict[str, Any]] = {
    "os.system": {"command": canary_command()},
    "subprocess.getoutput": {"cmd": canary_command()},
    "subprocess.Popen": {"args": ["touch", str(OUTSIDE / "canary")]},
    "os.mkdir": {"path": str(OUTSIDE / "canary")},
    "shutil.rmtree": {"path": str(OUTSIDE / "kept")},
    "os.remove": {"path": str(OUTSIDE / "victim.txt")},
    "logging.FileHandler": {"filename": str(OUTSIDE / "canary")},
    "zipfile.ZipFile": {"file": str(OUTSIDE / "canary"), "mode": "w"},
    "builtins.exec": {"source": _PYTHON},
    "sqlite3.connect": {"database": str(OUTSIDE / "canary")},
    "pathlib.Path.touch": {"self": str(OUTSIDE / "canary")},
    "torch.nn.Module.__init__": {},
    "torch.utils.cpp_extension.load_inline": {"name": "x", "cpp_sources": ""},
}


def _written(change: Callable[[dict[str, Any]], object]) -> Callable[[], None]:
    def prepare() -> None:
        config = yaml.safe_load(yaml.safe_dump(CONFIG))
        change(config)
        Path("given.yaml").write_text(yaml.safe_dump(config))

    return prepare


def _factory(name: str, arguments: dict[str, Any], place: str) -> Callable[[], None]:
    def change(config: dict[str, Any]) -> None:
        config["model"]["init_args"][place] = {"class_path": name, "init_args": arguments}

    return _written(change)


def _text(text: str | Callable[[], str]) -> Callable[[], object]:
    return lambda: Path("given.yaml").write_text(text if isinstance(text, str) else text())


def _anchors(levels: int, width: int) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    for level in range(1, levels):
        aliases = ", ".join([f"*a{level - 1}"] * width)
        lines.append(f"a{level}: &a{level} [{aliases}]")
    return "\n".join(lines) + "\n"


def _merges(levels: int, width: int) -> str:
    lines = ["a0: &a0 {x: 1, y: 2}"]
    for level in range(1, levels):
        aliases = ", ".join([f"*a{level - 1}"] * width)
        lines.append(f"a{level}: &a{level} {{<<: [{aliases}], k{level}: 1}}")
    return "\n".join(lines) + "\n"


def _interpolations(levels: int) -> str:
    lines = ["model:", "  class_path: EnergyVAE", "  init_args:", "    k0: xxxxxxxxxx"]
    for level in range(1, levels):
        lines.append(f"    k{level}: " + f"${{model.init_args.k{level - 1}}}" * 10)
    return "\n".join(lines) + "\n"


def _keys_of_mappings(levels: int) -> str:
    return "a0: &a0 [x, x]\n" + "".join(
        f"a{i}: &a{i} {{? [*a{i - 1}, *a{i - 1}] : 1}}\n" for i in range(1, levels)
    )


BOMBS: dict[str, Callable[[], object]] = {
    "anchors 9 x 9": _text(_anchors(9, 9)),
    "anchors 40 x 2": _text(_anchors(40, 2)),
    "anchors of mappings": _text(
        "a0: &a0 {x: 1}\n"
        + "".join(
            f"a{i}: &a{i} {{" + ", ".join(f"k{j}: *a{i - 1}" for j in range(9)) + "}\n"
            for i in range(1, 10)
        )
    ),
    "anchors below a known key": _text(
        "model:\n  class_path: EnergyVAE\n  init_args:\n"
        + "".join(f"    {line}\n" for line in _anchors(8, 9).splitlines())
    ),
    "merges 25 x 2": _text(_merges(25, 2)),
    "merges 7 x 9": _text(_merges(7, 9)),
    "lists as keys": _text(_keys_of_mappings(30)),
    "lists 3,000 deep": _text("a: " + "[" * 3000 + "]" * 3000),
    "lists 100,000 deep": _text("a: " + "[" * 100_000),
    "mappings 3,000 deep": _text("{a: " * 3000 + "1" + "}" * 3000),
    "lines 2,000 deep": _text("".join(" " * i + "a:\n" for i in range(2000))),
    "dashes 20,000 deep": _text("- " * 20_000 + "x"),
    "a number of 3,000,000 digits": _text("seed_everything: " + "9" * 3_000_000),
    "a number of base 60": _text("seed_everything: 1" + ":59" * 200_000),
    "a hexadecimal number": _text("seed_everything: 0x" + "f" * 4_000_000),
    "a text of 60 MB": _text(lambda: "name: " + "x" * 60_000_000),
    "60 MB of blanks": _text(lambda: "name: x\n" + " " * 60_000_000),
    "300,000 keys": _text(lambda: "".join(f"k{i}: {i}\n" for i in range(300_000))),
    "interpolations 12 x 10": _text(_interpolations(12)),
    "interpolation of itself": _text("name: ${name}"),
    "interpolation nested deeply": _text("name: " + "${" * 3000 + "}" * 3000),
    "a tag of Python": _text(f"name: !!python/object/apply:os.system ['{canary_command()}']"),
    "a tag of a module": _text("name: !!python/module:antigravity"),
    "a tag of bytes": _text("name: !!binary " + "A" * 400),
    "a date that there is not": _text("name: 2026-13-45"),
    "a date as a key": _text("2026-01-01: x"),
    "alias of itself": _text("a: &a [*a]"),
    "two documents": _text("name: x\n---\nname: y"),
    "escape sequences": _text('"\\e]0;x\\a": 1'),
    "a value of escape sequences": _text('seed_everything: "\\e[31mred"'),
    "a class of escape sequences": _text('model: {class_path: "networks.\\e[2JX"}'),
    "NUL bytes": _text("name: x\0y"),
    "UTF-16": lambda: Path("given.yaml").write_bytes("name: x".encode("utf-16")),
    "a pipe": lambda: os.mkfifo("given.yaml"),
    "a device": lambda: os.symlink("/dev/zero", "given.yaml"),
    "random bytes": lambda: os.symlink("/dev/urandom", "given.yaml"),
    "a link to itself": lambda: os.symlink("given.yaml", "given.yaml"),
}


def configuration_inputs() -> Iterator[Input]:
    """Yields functions for networks, in `fit` and `export`, then sizes."""
    for kind in (_CALLS, _BOMBS):
        yield Input(kind, HONEST, _written(lambda _: None), fit(config="given.yaml"))
    given = ("--config", "given.yaml", "--ckpt_path", CHECKPOINT, "--output", "new")
    exporting = train_command("export", *given, "--program", "false")
    for number, (name, arguments) in enumerate(_CALLED.items()):
        place = ("encoder", "decoder")[number % 2]
        prepare = _factory(name, arguments, place)
        yield Input(_CALLS, f"{name} as {place}, fit", prepare, fit(config="given.yaml"))
        yield Input(_CALLS, f"{name} as {place}, export", prepare, exporting)
    for name, prepare in BOMBS.items():
        yield Input(_BOMBS, name, prepare, fit(config="given.yaml"))
