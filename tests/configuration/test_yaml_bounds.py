"""YAML is refused by what it expands to, in a time that does not depend on it."""

import itertools

import pytest
import yaml

from configuration.yaml_bounds import check_expansion, repeated_keys

TOO_MUCH = "more than 20,000 values or 50 levels"
LONG = "a number of more than 1,000 digits"


def chain(part: str, first: str = "[a]", length: int = 40) -> str:
    """Returns parts that each refer to the one before by `part`."""
    links = (f"x{n + 1}: &x{n + 1} {part.replace('*', f'*x{n}')}\n" for n in range(length))
    return f"x0: &x0 {first}\n{''.join(links)}"


LETTERS = "- &a [x]\n" + "".join(
    f"- &{name} [{f'*{before},' * 10}]\n" for before, name in itertools.pairwise("abcdefghi")
)


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (chain("[*, *]"), TOO_MUCH),
        (chain("{a: *, b: *}", "{a: 1}"), TOO_MUCH),
        (chain("{<<: [*, *]}", "{a: 1}"), TOO_MUCH),
        (chain("\n  <<: *\n  a: *", "{a: 1}"), TOO_MUCH),
        (chain("[*]", length=60), TOO_MUCH),
        (chain("[[*, *], {a: *}]"), TOO_MUCH),
        (LETTERS, TOO_MUCH),
        ("[" * 500_000, TOO_MUCH),
        ("{a: " * 100_000, TOO_MUCH),
        ("- " * 100_000 + "a", TOO_MUCH),
        ("? " * 100_000, TOO_MUCH),
        ("\n".join(f"{' ' * n}a:" for n in range(200)), TOO_MUCH),
        ("".join(f"k{n}: 1\n" for n in range(100_000)), TOO_MUCH),
        ("---\n" * 30_000, TOO_MUCH),
        ("x: " + "1" * 100_000, LONG),
        ("x: 0x" + "f" * 100_000, LONG),
        ("x: " + "1:" * 100_000 + "1", LONG),
        ("x: !!int '" + "1:" * 100_000 + "1'", LONG),
        ("x: -." + "1" * 2_000, LONG),
        ("x: &x {a: *x}", "contains itself by an alias"),
        ("x: &x [1, [*x]]", "contains itself by an alias"),
    ],
)  # fmt: skip
def test_what_expands_to_too_much_is_refused(text: str, problem: str) -> None:
    with pytest.raises(yaml.MarkedYAMLError) as refused:
        check_expansion(text)
    assert problem in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        chain("[*, *]", length=10),
        "x: [" + "1, " * 19_000 + "]",
        "[" * 45 + "]" * 45,
        "x: '" + "1" * 5_000 + "'",
        "x: " + "word " * 5_000,
        "a: &x [1]\nb: &x [2]\nc: [*x, *x]\nd: &y z\ne: *y",
        "",
    ],
)
def test_ordinary_texts_pass(text: str) -> None:
    check_expansion(text)


def test_repeated_keys() -> None:
    keys = list(repeated_keys("a: 1\nb: {c: 1, c: 2}\na: 2\n<<: {}\n<<: {}\n1: x\n'1': y\n"))
    assert [(key.value, key.start_mark.line) for key in keys] == [("a", 2), ("c", 1)]
