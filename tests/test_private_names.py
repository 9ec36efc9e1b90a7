"""docs/private-names.md lists each private name of another package that the sources use."""

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = (
    *("hawc", "networks", "datamodules", "metrics"),
    *("lightning_modules", "callbacks", "configuration", "commands"),
)
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
TREES = {path: ast.parse(path.read_text()) for path in [*SOURCES, ROOT / "train.py"]}
DOCUMENTED = {"_exit", "_getframe"}  # private by name, documented by Python
# attributes that ABC, Protocol and autograd's Function set on each class
SET_BY_PYTHON_OR_TORCH = {"_abc_impl", "_is_protocol", "_is_runtime_protocol", "_backward_cls"}


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name != "_"


def defined(tree: ast.AST) -> Iterator[str]:
    """Yields the names that a file defines: functions, classes, variables and attributes."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.ClassDef():
                yield node.name
            case ast.Name(ctx=ast.Store()):
                yield node.id
            case ast.Attribute(ctx=ast.Store(), value=ast.Name("self")):
                yield node.attr


def imported(tree: ast.AST) -> Iterator[str]:
    """Yields the parts of all names that a file imports from other packages."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            dotted = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            dotted = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in dotted:
            first, *parts = name.split(".")
            if first not in PACKAGES:
                yield from filter(is_private, parts)


def accessed(tree: ast.AST) -> Iterator[str]:
    """Yields the private attributes that a file reads, calls or deletes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and is_private(node.attr):
            yield node.attr


def overridden(path: Path) -> Iterator[str]:
    """Yields the private names of classes in a file that a base of another package has too."""
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for value in vars(importlib.import_module(name)).values():
        if isinstance(value, type) and value.__module__ == name:
            for base in value.__mro__[1:]:
                if base.__module__.partition(".")[0] not in (*PACKAGES, "abc", "typing"):
                    written = {n for n in vars(value) if is_private(n)} & vars(base).keys()
                    yield from written - SET_BY_PYTHON_OR_TORCH


def foreign_names() -> dict[str, set[str]]:
    """Returns the files that use each private name of another package."""
    own = {name for tree in TREES.values() for name in defined(tree)}
    found: dict[str, set[str]] = {}
    for path, tree in TREES.items():
        names = {name for name in accessed(tree) if name not in own} | set(imported(tree))
        names |= set(overridden(path)) if path in SOURCES else set()
        for name in names - DOCUMENTED:
            found.setdefault(name, set()).add(str(path.relative_to(ROOT)))
    return found


FOUND = foreign_names()
ROWS = [
    line
    for line in (ROOT / "docs" / "private-names.md").read_text().splitlines()
    if line.startswith("| `_")
]


@pytest.mark.parametrize("name", sorted(FOUND))
def test_each_private_name_is_on_the_page(name: str) -> None:
    rows = [row for row in ROWS if f"`{name}`" in row.split("|")[1]]
    assert len(rows) == 1, f"describe `{name}`, used in {FOUND[name]}, in docs/private-names.md"
    assert all(f"`{file}`" in rows[0] for file in FOUND[name])


@pytest.mark.parametrize("row", ROWS)
def test_the_page_lists_nothing_else(row: str) -> None:
    names = re.findall(r"`(_\w+)`", row.split("|")[1])
    assert set(names) <= FOUND.keys(), "remove the row"
    for file in re.findall(
        r"`((?:tests|callbacks|commands|lightning_modules|metrics)/[^`]+)`", row
    ):
        assert (ROOT / file).is_file()


def test_private_names_are_recognized() -> None:
    tree = ast.parse("from a._b import _c\nimport x._y\nz._w()\nself._v = 1\ndef _u(): z._w._t\n")
    assert set(imported(tree)) == {"_b", "_c", "_y"}
    assert set(accessed(tree)) == {"_w", "_v", "_t"}
    assert set(defined(tree)) == {"_v", "_u"}
