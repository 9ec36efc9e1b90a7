"""Bounds of YAML: what a text expands to is known before anything is built from it.

A few lines with aliases can stand for billions of values.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import yaml

__all__ = ["check_expansion", "repeated_keys"]

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_MERGE = "tag:yaml.org,2002:merge"  # the key <<
_MAX_VALUES = 20_000  # after aliases are replaced by what they stand for
_MAX_LEVELS = 50
_MAX_DIGITS = 1_000


@dataclass
class _Part:
    """A part of a YAML text, with the number of values and of levels that it expands to."""

    anchor: str | None = None
    values: int = 0
    levels: int = 0


def check_expansion(text: str) -> None:
    """Checks the size of a YAML text without expanding it.

    Raises:
        yaml.YAMLError: if the text is not YAML, holds itself by an alias, or expands to more than
            20,000 values, 50 levels or 1,000 digits of a number.
    """
    sizes: dict[str | None, _Part] = {}
    parts = [_Part()]  # from the whole text to the innermost part that is open
    values = 0
    for event in yaml.parse(text, _LOADER):
        ended = _Part()
        if isinstance(event, yaml.CollectionEndEvent):
            ended = parts.pop()
            sizes[ended.anchor] = ended
        elif isinstance(event, yaml.AliasEvent):
            if any(part.anchor == event.anchor for part in parts):
                raise _refused(event, "a part contains itself by an alias; write it out")
            ended = sizes.get(event.anchor, ended)
            values += ended.values
        if isinstance(event, yaml.CollectionStartEvent):
            parts.append(_Part(event.anchor))
        elif isinstance(event, (yaml.NodeEvent, yaml.CollectionEndEvent)):
            parts[-1].values += 1 + ended.values
            parts[-1].levels = max(parts[-1].levels, 1 + ended.levels)
        values += isinstance(event, yaml.NodeEvent)
        if isinstance(event, yaml.ScalarEvent) and _is_long_number(event):
            raise _refused(event, f"a number of more than {_MAX_DIGITS:,} digits")
        if values > _MAX_VALUES or len(parts) + ended.levels > _MAX_LEVELS:
            raise _refused(event, f"more than {_MAX_VALUES:,} values or {_MAX_LEVELS} levels")


def repeated_keys(text: str) -> Iterator[yaml.ScalarNode]:
    """Yields repeated keys of each mapping in a checked text; PyYAML would take the last one."""
    yield from _repeated(yaml.compose(text, _LOADER), set())


def _is_long_number(event: yaml.ScalarEvent) -> bool:
    is_number = event.value[:1] in tuple("+-.0123456789") and (event.implicit[0] or event.tag)
    return bool(is_number) and len(event.value) > _MAX_DIGITS


def _refused(event: yaml.Event, problem: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)


def _repeated(node: yaml.Node, seen: set[int]) -> Iterator[yaml.ScalarNode]:
    """Yields repeated keys of mappings.

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


def _parts(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [value for _, value in node.value]
    return node.value if isinstance(node, yaml.SequenceNode) else []
