"""Configuration files, looked at before the parser sees them so that messages name the file."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml

from commands.errors import UsageError, nearest

__all__ = ["check_config_files", "config_paths"]

_FLAGS = ("--config", "-c")
_MERGE = "tag:yaml.org,2002:merge"  # of the key <<


def config_paths(arguments: Sequence[str]) -> Iterator[Path]:
    """Yields the files named by --config FILE, --config=FILE and -c FILE, in order."""
    for position, argument in enumerate(arguments):
        flag, separator, value = argument.partition("=")
        if flag in _FLAGS and separator:
            yield Path(value)
        elif argument in _FLAGS and position + 1 < len(arguments):
            yield Path(arguments[position + 1])


def check_config_files(arguments: Sequence[str]) -> None:
    """Raises UsageError unless every named configuration file exists and is a YAML mapping."""
    for path in config_paths(arguments):
        if path.is_dir():
            raise UsageError(f"`--config` must name a file, got the folder '{path}'.")
        if not path.is_file():
            siblings = {p.stem: p.name for p in path.parent.glob("*.yaml")}
            raise UsageError(
                f"`--config` names the file '{path}', which does not exist."
                f"{nearest(path.stem, siblings)}"
            )
        try:
            content = yaml.safe_load(text := path.read_text())
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise UsageError(
                f"`--config` file '{path}' is not valid YAML: {_where(error)}"
            ) from error
        if not isinstance(content, dict):
            raise UsageError(
                f"`--config` file '{path}' must hold options as `key: value`, got "
                f"{type(content).__name__}."
            )
        for key in _repeated(yaml.compose(text, yaml.SafeLoader), set()):
            raise UsageError(
                f"`--config` file '{path}' must set each option once, got `{key.value}` again in "
                f"line {key.start_mark.line + 1}; remove one."
            )


def _where(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return " ".join(str(error).split())
    return f"line {mark.line + 1}, column {mark.column + 1}: {getattr(error, 'problem', '')}."


def _repeated(node: yaml.Node, seen: set[int]) -> Iterator[yaml.ScalarNode]:
    """Yields keys that their mapping has already; YAML forbids them and PyYAML takes the last.

    Args:
        node: whose mappings are looked at.
        seen: ids of nodes that have been, since an alias may name one often, even within itself.
    """
    if id(node) in seen or not isinstance(node, yaml.CollectionNode):
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        yield from _again([key for key, _ in node.value if isinstance(key, yaml.ScalarNode)])
    for child in node.value:
        yield from _repeated(child[1] if isinstance(node, yaml.MappingNode) else child, seen)


def _again(keys: Sequence[yaml.ScalarNode]) -> Iterator[yaml.ScalarNode]:
    """Yields keys that are not the first of their name; 1 and '1' are two, and << may be many."""
    seen: set[tuple[str, str]] = set()
    for key in keys:
        if (key.tag, key.value) in seen and key.tag != _MERGE:
            yield key
        seen.add((key.tag, key.value))
