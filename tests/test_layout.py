"""The shape of the repository: names resolve here, files have twins, sizes stay readable."""

import ast
import importlib
import io
import shutil
import subprocess
import tokenize
import tomllib
from functools import cache
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = (
    *("hawc", "networks", "datamodules", "metrics"),
    *("lightning_modules", "callbacks", "configuration", "commands", "examples"),
)
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
COVERED = {  # a few lines without behaviour of their own: the test that uses them
    "datamodules/errors.py": "datamodules/test_idx.py",
    "lightning_modules/base/errors.py": "lightning_modules/base/test_finite.py",
}
OWN = [
    *(*SOURCES, ROOT / "train.py"),
    *(path for name in ("tests", "benchmarks") for path in (ROOT / name).rglob("*.py")),
]


@cache
def nodes_of(path: Path) -> list[ast.AST]:
    return [*ast.walk(ast.parse(path.read_text()))]


def label(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("name", [*PACKAGES, "train", "tests"])
def test_names_resolve_inside_the_repository(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__file__ is not None, "a namespace package loses to any other of its name"
    assert Path(module.__file__).is_relative_to(ROOT)


def test_only_hawc_is_installed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["tool"]["setuptools"]["packages"] == {"find": {"include": ["hawc*"]}}


@pytest.mark.parametrize("path", SOURCES, ids=label)
def test_every_file_has_a_twin(path: Path) -> None:
    if path.name != "__init__.py":
        twin = path.parent.relative_to(ROOT) / f"test_{path.name}"
        twin = ROOT / "tests" / COVERED.get(label(path), twin)
        assert twin.is_file(), f"write {label(twin)}"


def test_covered_files_have_no_twin_and_stay_small() -> None:
    for name in COVERED:
        assert len((ROOT / name).read_text().splitlines()) <= 10
        path = ROOT / "tests" / name
        assert not path.with_name(f"test_{path.name}").exists(), f"remove {name} from COVERED"


def function_lengths(path: Path) -> dict[str, int]:
    """Returns the lines of each function's body, without its docstring."""
    lengths = {}
    for node in nodes_of(path):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            lines = body[-1].end_lineno - body[0].lineno + 1 if body else 0
            lengths[f"{node.name}:{node.lineno}"] = lines
    return lengths


@pytest.mark.parametrize("path", OWN, ids=label)
def test_files_and_functions_stay_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 300
    assert not {name: n for name, n in function_lengths(path).items() if n > 50}


def test_most_functions_are_a_few_lines() -> None:
    assert median(n for path in SOURCES for n in function_lengths(path).values()) <= 6


def test_models_and_commands_are_seen_at_once() -> None:
    package = ROOT / "lightning_modules"
    files = {path.stem for path in package.glob("*.py")} - {"__init__", "interface"}
    module = importlib.import_module("lightning_modules")
    models = {getattr(module, name).__module__ for name in module.__all__}
    assert {f"lightning_modules.{name}" for name in files} <= models, "one public model a file"
    assert {path.name for path in package.iterdir() if (path / "__init__.py").exists()} == {
        "base",
        "losses",
    }
    assert len([*(ROOT / "commands").glob("*.py")]) <= 6


def names(node: ast.AST) -> set[str]:
    found = {child.id for child in ast.walk(node) if isinstance(child, ast.Name)}
    return found | {child.attr for child in ast.walk(node) if isinstance(child, ast.Attribute)}


def test_no_class_is_asked_for_by_a_protocol() -> None:
    """From Python 3.12 on isinstance does not see the sub-modules of an nn.Module."""
    checked = [*SOURCES, ROOT / "train.py", *(ROOT / "benchmarks").rglob("*.py")]
    nodes = [(path, node) for path in checked for node in nodes_of(path)]
    classes = [node for _, node in nodes if isinstance(node, ast.ClassDef)]
    protocols = {cls.name for cls in classes if any("Protocol" in names(b) for b in cls.bases)}
    assert "LatentGenerator" in protocols
    asking = [
        f"{label(path)}:{node.lineno}"
        for path, node in nodes
        if isinstance(node, ast.Call) and names(node.func) & {"isinstance", "issubclass"}
        if names(node.args[1]) & protocols
    ]
    assert not asking, "ask `provides` of lightning_modules.interface, or hasattr"


@pytest.mark.parametrize("package", ["lightning_modules", "callbacks", "datamodules"])
def test_public_classes_are_named_like_their_files(package: str) -> None:
    module = importlib.import_module(package)
    for name in module.__all__:
        own = importlib.import_module(getattr(module, name).__module__)
        stem = own.__name__.rpartition(".")[2].replace("_", "")
        assert stem in (name.lower(), "errors")


def test_lock_and_sources_name_no_index_and_no_lock_of_uv_is_tracked() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    assert "://" not in lock
    assert "torch==" in lock
    if (ROOT / ".git").exists() and shutil.which("git"):
        # git distrusts a checkout of another user, as containers have them
        command = ["git", "-c", f"safe.directory={ROOT}", "ls-files"]
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        assert "uv.lock" not in listed.stdout.split()


LOSSES = {"critic_losses", "generator_losses", "constrain_critic"}
LOSSES |= {"_with_noise", "present_noise_std"}  # GAN's instance noise, part of both losses


def code_lines(text: str) -> set[int]:
    """The numbers of the lines that hold code: no docstring, no comment, not blank."""
    skipped = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
    tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))[:-1]
    spans = [range(t.start[0], t.end[0] + 1) for t in tokens if t.type not in skipped]
    owners = (ast.Module, ast.ClassDef, ast.FunctionDef)
    documented = [
        n for n in ast.walk(ast.parse(text)) if isinstance(n, owners) and ast.get_docstring(n)
    ]
    docs = [range(n.body[0].lineno, n.body[0].end_lineno + 1) for n in documented]
    return set().union(*spans) - set().union(*docs)


def first_line(node: ast.stmt) -> int:
    """The line of a statement or of its first decorator."""
    return min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])


@pytest.mark.parametrize(
    ("name", "model"),
    [
        *(("gan", "GAN"), ("wgan", "WGAN"), ("wgan_gp", "WGANGP")),
        *(("sngan", "SNGAN"), ("ebgan", "EBGAN")),
    ],
)
def test_a_third_of_an_adversarial_model_is_its_losses(name: str, model: str) -> None:
    """Losses are the methods of these names and, outside of the class, the penalties they call."""
    text = (ROOT / "lightning_modules" / f"{name}.py").read_text()
    nodes = ast.parse(text).body
    (cls,) = [node for node in nodes if isinstance(node, ast.ClassDef) and node.name == model]
    outside = [n for n in nodes if not isinstance(n, ast.Import | ast.ImportFrom) and n is not cls]
    outside = [n for n in outside if "__all__" not in names(n) and "Literal" not in names(n)]
    methods = [n for n in cls.body if isinstance(n, ast.FunctionDef) and n.name in LOSSES]
    spans = [range(first_line(n), n.end_lineno + 1) for n in (*outside, *methods)]
    code = code_lines(text)
    assert len(code & set().union(*spans)) >= len(code) / 3
