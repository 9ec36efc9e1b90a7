"""The words of the project are those of the field; docs/glossary.md is the vocabulary."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
INSTEAD = {
    "laws?": "distribution, target or prior",
    "pictures?": "image; figure for matplotlib",
    "held still": "frozen",
    "(somebody|nobody|whoever)": "the actor: the process, the logger, the caller",
    "seen to it": "checked in setup",
    "(?<!U-)nets?": "network",
    "likewise": "the same holds for",
    "seldom": "rarely",
    "such a one": "that",
    "latent_target": "prior",
    "draw_codes": "sample_latents",
}
TITLE = "(?<!U-)nets?"
ALLOWED: dict[tuple[str, str], str] = {
    (TITLE, "lightning_modules/gan.py"): "a paper's title",
    (TITLE, "hawc/divergences/discriminator.py"): "a paper's title",
    (TITLE, "configs/gan_8_gaussians.yaml"): "a paper's title",
    (TITLE, "configs/gan_mnist.yaml"): "a paper's title",
}
HISTORY = {"CHANGELOG.md", "tests/test_words.py"}


def sources() -> list[Path]:
    folders = [p for p in ROOT.iterdir() if p.is_dir() and not p.name.startswith(".")]
    files = [p for folder in folders for p in folder.rglob("*") if "runs" not in p.parts]
    found = [*files, *ROOT.iterdir()]
    return sorted(p for p in found if p.suffix in {".py", ".md", ".yaml"} and p.is_file())


def occurrences(word: str) -> list[str]:
    pattern = re.compile(rf"(?<![A-Za-z0-9]){word}(?![A-Za-z0-9])", re.IGNORECASE)
    lines = []
    for path in sources():
        name = str(path.relative_to(ROOT))
        if name not in HISTORY and (word, name) not in ALLOWED:
            text = path.read_text(encoding="utf-8")
            lines += [
                f"{name}:{i}" for i, line in enumerate(text.splitlines(), 1) if pattern.search(line)
            ]
    return lines


@pytest.mark.parametrize("word", INSTEAD)
def test_unwanted_words_stay_out(word: str) -> None:
    assert not (lines := occurrences(word)), f"write {INSTEAD[word]!r} in {', '.join(lines)}"


def test_exceptions_are_needed() -> None:
    for word, name in ALLOWED:
        pattern = re.compile(rf"(?<![A-Za-z0-9]){word}(?![A-Za-z0-9])", re.IGNORECASE)
        assert pattern.search((ROOT / name).read_text(encoding="utf-8")), (word, name)
