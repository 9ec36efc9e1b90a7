"""Changes of bytes, which know nothing of the format."""

import random
from collections.abc import Callable

__all__ = ["mutated_bytes"]

_ODD = (b"\0", b"\xff", b"\n", b"\x1b[31m", b"0" * 40, b"-", b"\xff\xff\xff\xff", b"{", b"\xef\xbb")


def mutated_bytes(content: bytes, chance: random.Random) -> bytes:
    """Returns other bytes: flipped, cut, inserted, removed, swapped, repeated or cleared."""
    changes: tuple[Callable[[bytearray, random.Random], None], ...]
    changes = (_flip, _flip, _set_bytes, _cut, _insert, _remove, _swap, _repeat, _clear)
    changed = bytearray(content)
    for _ in range(chance.choice((1, 1, 1, 2, 5))):
        if changed:
            chance.choice(changes)(changed, chance)
    return bytes(changed)


def _span(content: bytearray, chance: random.Random) -> slice:
    """Returns a part of at most a quarter, mostly of a few bytes."""
    first = chance.randrange(len(content))
    most = max(1, len(content) // 4)
    return slice(first, first + min(most, int(2 ** chance.uniform(0, 12))))


def _flip(content: bytearray, chance: random.Random) -> None:
    for _ in range(chance.choice((1, 1, 8, 64))):
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)


def _set_bytes(content: bytearray, chance: random.Random) -> None:
    place = chance.randrange(len(content))
    odd = chance.choice(_ODD)
    content[place : place + len(odd)] = odd


def _cut(content: bytearray, chance: random.Random) -> None:
    del content[chance.randrange(len(content)) :]


def _insert(content: bytearray, chance: random.Random) -> None:
    place = chance.randrange(len(content) + 1)
    content[place:place] = chance.choice((chance.choice(_ODD), chance.randbytes(16)))


def _remove(content: bytearray, chance: random.Random) -> None:
    del content[_span(content, chance)]


def _swap(content: bytearray, chance: random.Random) -> None:
    here, there = _span(content, chance), _span(content, chance)
    content[here], content[there] = bytes(content[there]), bytes(content[here])


def _repeat(content: bytearray, chance: random.Random) -> None:
    part = bytes(content[_span(content, chance)])
    place = chance.randrange(len(content) + 1)
    content[place:place] = part * chance.choice((1, 2, 9))


def _clear(content: bytearray, chance: random.Random) -> None:
    span = _span(content, chance)
    content[span] = bytes(len(content[span]))
