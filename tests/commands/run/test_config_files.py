"""Configuration files in the arguments, and their mistakes."""

import os
from pathlib import Path

import jsonargparse
import pytest
import yaml

from commands.errors import UsageError
from commands.run.config_files import check_config_files, config_paths, load_yaml, read_yaml


def test_all_spellings() -> None:
    arguments = ["fit", "--config", "a.yaml", "--config=b.yaml", "-c", "c.yaml", "--x", "d.yaml"]
    assert list(config_paths(arguments)) == [Path("a.yaml"), Path("b.yaml"), Path("c.yaml")]
    assert list(config_paths(["--config"])) == []


def test_good_files_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("good.yaml").write_text("trainer: {max_epochs: 1}\n")
    check_config_files(["--config", "good.yaml"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            None,
            r"`--config` names the file 'wrong\.yaml', which does not exist\. Did you mean",
        ),
        (b"model: {a: [1\n", r"'wrong\.yaml' is not valid YAML: line \d, column \d"),
        (b"- 1\n", r"'wrong\.yaml' must hold options as `key: value`, got list"),
        (b"\xff\xfe\x00", r"'wrong\.yaml' is not valid YAML"),
        (b"x: !!int ''\n", r"'wrong\.yaml' is not valid YAML: a value cannot be read"),
        (b"x: 2001-99-99\ny: !!timestamp 2001-99-99\n", r"not valid YAML: a value cannot be read"),
        (
            b"[" * 100_000,
            r"not valid YAML: line 1, column \d+: more than 20,000 values or 50 levels",
        ),
        (
            b"#" * 2**21,
            r"'wrong\.yaml' cannot be read: at most 1,048,576 bytes are read",
        ),
    ],
    ids=["missing", "broken", "list", "binary", "number", "date", "deep", "large"],
)
def test_wrong_files_are_refused(
    content: bytes | None, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("wrong1.yaml").touch()
    if content is not None:
        Path("wrong.yaml").write_bytes(content)
    with pytest.raises(UsageError, match=message):
        check_config_files(["--config", "wrong.yaml"])
    with pytest.raises(UsageError, match=r"`--config` '\.' cannot be read: .* got a folder; name"):
        check_config_files(["--config", "."])


def test_an_option_set_twice_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("same.yaml").write_text("a: [{lr: 1}, {lr: 2}]\nb: {a: 1}\nc: &c {lr: 1}\nd: *c\n")
    check_config_files(["--config", "same.yaml"])
    for text, line in (("a: 1\nb: 2\na: 3\n", 3), ("x:\n- y: {a: 1,\n     a: 2}\n", 3)):
        Path("twice.yaml").write_text(text)
        message = rf"'twice\.yaml' must set each option once, got `a` again in line {line}; remove"
        with pytest.raises(UsageError, match=message):
            check_config_files(["--config", "twice.yaml"])


@pytest.mark.parametrize(
    "text",
    [
        "x: &x {a: 1}\ny: &y {b: 2}\nz:\n  <<: *x\n  <<: *y\n",
        "x: {1: a, '1': b}\n",
        "x0: &x0 []\n" + "".join(f"x{n + 1}: &x{n + 1} [*x{n}, *x{n}]\n" for n in range(10)),
    ],
    ids=["merged twice", "number and text", "2 to the 10"],
)
def test_options_set_once_pass(text: str, tmp_path: Path) -> None:
    path = tmp_path / "once.yaml"
    path.write_text(text)
    check_config_files(["--config", str(path)])


@pytest.mark.parametrize("text", ["x: 1\ny: &y {a: *y}\n", "x: 1\ny: &y\n- [{z: *y}]\n"])
def test_a_file_that_contains_itself_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "endless.yaml"
    path.write_text(text)
    message = r"endless\.yaml' is not valid YAML: line [23], .* contains itself by an alias; write"
    with pytest.raises(UsageError, match=message):
        check_config_files(["--config", str(path)])


@pytest.mark.timeout(20)
def test_only_regular_files_are_read(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.yaml"
    os.mkfifo(pipe)
    for path in (pipe, Path("/dev/zero")):
        message = "a regular file is required, got a pipe, device or socket; name a YAML file"
        with pytest.raises(UsageError, match=message):
            check_config_files(["--config", str(path)])
        with pytest.raises(OSError, match="regular file is required"):
            read_yaml(path)
    # an option may name a file in place of its value
    with pytest.raises(yaml.YAMLError, match=r"pipe\.yaml' cannot be read: a regular"):
        jsonargparse.Path(str(pipe), mode="fr").read_text()


def test_the_parser_reads_values_within_the_same_bounds() -> None:
    assert jsonargparse.get_loader("omegaconf+") is load_yaml
    parser = jsonargparse.ArgumentParser(exit_on_error=False, parser_mode="omegaconf+")
    parser.add_argument("--x", type=list[int])
    assert parser.parse_args(["--x", "[1, 2]"]).x == [1, 2]
    for value in ("[" * 60 + "]" * 60, "[" + "1," * 20_000 + "]", "['\udcff']", "9" * 10_000):
        with pytest.raises(jsonargparse.ArgumentError):
            parser.parse_args(["--x", value])
