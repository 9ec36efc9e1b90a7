"""Changes of values: of JSON, YAML and checkpoints, which all nest dicts and lists."""

import copy
import random
from collections.abc import Iterator
from typing import Any

import torch

__all__ = ["mutated_value", "odd_tensor", "odd_value"]

_TEXTS = (
    *("", " ", "\0", "\x1b]0;title\x07", "\u202egnp", "\ud800", "x" * 3000, "nan", "null", "~"),
    *("../../outside", "/dev/zero", "torch.nn.Linear", "${oc.env:HOME}", "1e999", "0x10", "{}"),
    *("%s%n", "'; DROP TABLE hawc_batches; --", "2026-13-45 99:00:00", "[[", "NaN", "é" * 200),
)
_NUMBERS = (
    *(0, 1, -1, 2, 3, 7, 2**31, -(2**31) - 1, 2**53 + 1, 2**63, -(2**63) - 1, 10**40),
    *(0.5, -0.0, 1e-320, 1e39, 1e308, float("inf"), float("-inf"), float("nan")),
)
_OTHERS = (None, True, False, [], {}, [[]], [None], {"": None}, [1, [2, 3]], {"a": {"b": [1]}})


def odd_value(chance: random.Random, present: Any = None) -> Any:
    """Returns a value that a careless reader does not expect, perhaps made of the present one."""
    kind = chance.randrange(7)
    if kind == 0:
        return chance.choice(_TEXTS)
    if kind in (1, 2):
        return chance.choice(_NUMBERS)
    if kind == 3:
        return copy.deepcopy(chance.choice(_OTHERS))
    if kind == 4:
        return _nested(chance.choice((5, 60, 300)), present)
    if kind == 5:
        return _near(present, chance)
    return _other_type(present)


def mutated_value(root: Any, chance: random.Random, tensors: bool = False) -> Any:
    """Returns a copy of a value in which one to three parts are others.

    Args:
        root: dicts and lists, at any depth.
        chance: chooses.
        tensors: whether tensors may be put anywhere.
    """
    changed = copy.deepcopy(root)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        places = [*_places(changed)]
        if not places:
            return odd_value(chance, changed)
        parent, key = chance.choice(places)
        _change(parent, key, chance, tensors)
    return changed


def odd_tensor(chance: random.Random) -> torch.Tensor:
    """Returns a small tensor of a rare form."""
    forms = (
        *(torch.zeros(0), torch.tensor(float("nan")), torch.zeros(2, 3, 4), torch.tensor(True)),
        *(torch.zeros(3, dtype=torch.complex64), torch.zeros(1).expand(10**9)),
        *(torch.full((8,), -1), torch.full((2, 2), float("inf")), torch.zeros(2, 2).to_sparse()),
        *(torch.zeros(4, dtype=torch.float16), torch.empty(2, device="meta"), torch.zeros(5).t()),
    )
    return chance.choice(forms)


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yields all pairs of a dict or list and a key of it."""
    keys = value if isinstance(value, dict) else range(len(value))
    for key in keys if isinstance(value, dict | list) else ():
        yield value, key
        if isinstance(value[key], dict | list):
            yield from _places(value[key])


def _change(parent: Any, key: Any, chance: random.Random, tensors: bool) -> None:
    match chance.randrange(9):
        case 0:
            del parent[key]
        case 1 if isinstance(parent, dict):
            parent[odd_key(chance, key)] = parent.pop(key)
        case 1:
            parent.insert(key, copy.deepcopy(parent[key]))
        case 2 if isinstance(parent, dict):
            other = chance.choice([*parent])
            parent[key], parent[other] = parent[other], parent[key]
        case 2:
            parent.reverse()
        case 3 | 4 if tensors:
            parent[key] = odd_tensor(chance)
        case _:
            parent[key] = odd_value(chance, parent[key])


def odd_key(chance: random.Random, key: Any) -> Any:
    """Returns another key, of another type at times."""
    return chance.choice(("", "\x1b[2J", f"{key}x", str(key).upper(), 0, -1, "9" * 30))


def _nested(depth: int, value: Any) -> Any:
    for level in range(depth):
        value = [value] if level % 2 else {"a": value}
    return value


def _near(value: Any, chance: random.Random) -> Any:
    match value:
        case bool():
            return not value
        case int() | float():
            return value + chance.choice((-1, 1, 10**6, 0.5, -value))
        case str() if value:
            place = chance.randrange(len(value))
            return value[:place] + chance.choice(("", "\x07", "x", value)) + value[place + 1 :]
        case list() | tuple() if value:
            return [*value, value[0]] if chance.random() < 0.5 else [*value[1:]]
        case torch.Tensor():
            return value.flatten()[: chance.randrange(3)].clone()
    return [value, value]


def _other_type(value: Any) -> Any:
    match value:
        case str():
            return len(value)
        case bool() | int() | float() | None:
            return str(value)
        case dict():
            return [*value]
        case torch.Tensor():
            return value.double() if value.is_floating_point() else value.tolist()
    return {str(i): item for i, item in enumerate(value)}
