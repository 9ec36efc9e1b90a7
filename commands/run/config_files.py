"""Checks configuration files before parsing, so that messages name the file."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml

from commands.errors import UsageError, nearest

__all__ = ["check_config_files", "config_paths"]

_FLAGS = ("--config", "-c")
_MERGE = "tag:yaml.org,2002:merge"  # the key <<


def config_paths(arguments: Sequence[str]) -> Iterator[Path]:
    """Yields the files named by --config FILE, --config=FILE and -c FILE, in order."""
    for position, argument in enumerate(arguments):
        flag, separator, value = argument.partition("=")
        if flag in _FLAGS and separator:
            yield Path(value)
        elif argument in _FLAGS and position + 1 < len(arguments):
            yield Path(arguments[position + 1])


def check_config_files(arguments: Sequence[str]) -> None:
    """Raises UsageError unless each configuration file is a YAML mapping."""
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
        _check_nodes(path, yaml.compose(text, yaml.SafeLoader))


def _check_nodes(path: Path, root: yaml.Node) -> None:
    """Raises UsageError if a mapping has a key twice or a node contains itself."""
    for key in _repeated(root, set()):
        raise UsageError(
            f"`--config` file '{path}' must set each option once, got `{key.value}` again in "
            f"line {key.start_mark.line + 1}; remove one."
        )
    for node in _self_containing(root, frozenset(), set()):
        raise UsageError(
            f"`--config` file '{path}' must not contain itself, got in line "
            f"{node.start_mark.line + 1} a part with an alias of itself; write the part out."
        )


def _where(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return " ".join(str(error).split())
    return f"line {mark.line + 1}, column {mark.column + 1}: {getattr(error, 'problem', '')}."


def _repeated(node: yaml.Node, seen: set[int]) -> Iterator[yaml.ScalarNode]:
    """Yields repeated keys of a mapping; PyYAML would take the last one.

    Args:
        node: root of the nodes to check.
        seen: ids of checked nodes; aliases may name a node often.
    """
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        yield from _again([key for key, _ in node.value if isinstance(key, yaml.ScalarNode)])
    for part in _parts(node):
        yield from _repeated(part, seen)


def _again(keys: Sequence[yaml.ScalarNode]) -> Iterator[yaml.ScalarNode]:
    """Yields keys that occurred before; 1 and '1' differ, and << may be repeated."""
    seen: set[tuple[str, str]] = set()
    for key in keys:
        if (key.tag, key.value) in seen and key.tag != _MERGE:
            yield key
        seen.add((key.tag, key.value))


def _self_containing(node: yaml.Node, above: frozenset[int], seen: set[int]) -> Iterator[yaml.Node]:
    """Yields nodes that are among their own ancestors."""
    if id(node) in above:
        yield node
    if id(node) in seen:
        return
    seen.add(id(node))
    for part in _parts(node):
        yield from _self_containing(part, above | {id(node)}, seen)


def _parts(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [value for _, value in node.value]
    return node.value if isinstance(node, yaml.SequenceNode) else []
