"""The documentation runs: blocks of Python give what their comments say, links lead somewhere."""

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import hawc
from tests.hawc import test_kernels

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
Capture = pytest.CaptureFixture[str]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(page: str) -> list[str]:
    """The Python blocks of a page."""
    return BLOCK.findall((ROOT / page).read_text())


def promised(block: str) -> list[str]:
    """What comments say that a block prints: behind a print, or alone on the last lines."""
    behind = re.findall(r"^ *print\(.*\)  # (.*)$", block, re.MULTILINE)
    after = re.search(r"((?:^# .*\n)+)\Z", block, re.MULTILINE)
    return behind + [line[2:] for line in (after[1].splitlines() if after else [])]


def same(printed: str, said: str) -> bool:
    """Whether two lines agree, decimals to 1 %: other machines may end in another local minimum."""
    if len(printed.split()) != len(said.split()):
        return False
    for one, other in zip(printed.split(), said.split(), strict=True):
        decimals = re.fullmatch(r"\d*\.\d+", one) and re.fullmatch(r"\d*\.\d+", other)
        if one != other and not (decimals and math.isclose(float(one), float(other), rel_tol=0.01)):
            return False
    return True


def run(block: str, names: dict[str, Any], capsys: Capture) -> list[str]:
    """Runs a block and returns the lines that it printed."""
    exec(compile(block, "block of a page", "exec"), names)
    return capsys.readouterr().out.splitlines()


@pytest.fixture
def default_dtype() -> Iterator[None]:
    before = torch.get_default_dtype()
    yield
    torch.set_default_dtype(before)


def check(page_blocks: list[str], names: dict[str, Any], capsys: Capture) -> None:
    """Runs blocks in the same names and compares what they print with what they promise."""
    for block in page_blocks:
        printed, said = run(block, names, capsys), promised(block)
        assert not said or len(printed) == len(said), block
        for one, other in zip(printed, said, strict=False):
            assert same(one, other), f"{one!r} is printed, {other!r} is said in\n{block}"


@pytest.mark.parametrize(
    "page",
    [
        *("README.md", "docs/sampling.md", "docs/your-generator.md"),
        pytest.param("docs/using-hawc.md", marks=pytest.mark.integration),
        *("docs/ensembles.md", "docs/theory.md"),
    ],
)
def test_blocks_run_and_print_what_they_say(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    check(blocks(page), {}, capsys)


def test_every_script_of_the_theory_page_says_its_seconds() -> None:
    page = (ROOT / "docs" / "theory.md").read_text()
    scripts = re.findall(r"^`python -m examples\.\w+`(.*)", page, re.MULTILINE)
    assert len(scripts) == 5
    seconds = [int(found[1]) for rest in scripts if (found := re.match(r" \((\d+) s\)", rest))]
    assert len(seconds) == 5
    assert max(seconds) < 60


def test_every_promise_is_found() -> None:
    assert promised("print(1)  # 1\nfor i in x:\n    print(i)\n# 2\n# 3\n") == ["1", "2", "3"]
    assert same("uniform 0.01530", "uniform 0.0153")
    assert not same("uniform 0.0156", "uniform 0.0153")
    assert not same("32 31", "32 32")


@pytest.mark.usefixtures("default_dtype")
def test_a_kernel_is_added_as_the_page_says(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    definition, own_tests, use = blocks("docs/adding-a-kernel.md")
    names = dict(vars(hawc.kernels))
    run(definition, names, capsys)
    monkeypatch.setattr(hawc.kernels, "Logarithmic", names["Logarithmic"], raising=False)
    check([use], {}, capsys)

    torch.set_default_dtype(torch.float64)
    tests = {**vars(test_kernels), "Logarithmic": names["Logarithmic"]}
    run(own_tests, tests, capsys)
    tests["test_logarithmic_is_log_two_at_its_length"]()
    for length in (0.0, -1.0, math.nan, math.inf):
        tests["test_logarithmic_rejects_a_length"](length)
    kernel = names["Logarithmic"](2.0)
    test_kernels.test_mixture_reproduces_the_kernel(kernel)
    test_kernels.test_slope_is_the_derivative_of_the_profile(kernel)
    test_kernels.test_gradient_matches_finite_differences(kernel)
    test_kernels.test_gradient_is_zero_at_coincident_points(kernel, torch.float64)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), target
