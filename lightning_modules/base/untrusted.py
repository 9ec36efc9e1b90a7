"""Loads checkpoints that may come from strangers: no code, and no more memory than they show.

PyTorch's `weights_only=True` runs no code. Its pickles may still ask for any amount of memory or
time: a few bytes repeat an object without end. So a file is checked as a zip file, as a list of
instructions, and as tensors that must lie within it.
"""

import os
import pickletools
import struct
import zipfile
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, final

import torch
from torch import Tensor

from hawc.io.stored_zip import open_stored

__all__ = ["load_untrusted"]

_LARGEST = 16 * 2**20  # bytes of a pickle, which holds all but the numbers of tensors
_SLACK = 256 * 2**20  # bytes that tensors may claim beyond the size of the file
_SPARE = 16 * 2**20  # bytes of memory that a pickle may need beyond a multiple of its size
_MULTIPLE = 32  # bytes of memory per byte of a pickle; dictionaries of notes need 12
_MAX_DEPTH = 100  # of lists, dictionaries and tuples within each other
_MAX_SHARING = 100  # how often parts are repeated on average, at most

_HEADER = struct.Struct("<26s2H")  # of a part of a zip file
_STORAGE = "torch.storage UntypedStorage"
_FUNCTIONS = {
    _STORAGE,
    *("collections OrderedDict", "collections Counter", "builtins set", "__builtin__ set"),
    *("builtins complex", "__builtin__ complex", "_codecs encode", "torch Size", "torch device"),
    *("torch._utils _rebuild_tensor_v2", "torch._utils _rebuild_tensor_v3"),
    *("torch._utils _rebuild_parameter", "torch.serialization _get_layout"),
}
_SMALL = {"NONE", "NEWTRUE", "NEWFALSE", "BININT1", "BININT2", "EMPTY_TUPLE"}
_NUMBERS = {"BININT", "BINFLOAT", "LONG1", "BINUNICODE", "SHORT_BINSTRING"}
_CONTAINERS = {"EMPTY_LIST": 64, "EMPTY_DICT": 72, "EMPTY_SET": 224}  # bytes
_FIXED = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


def load_untrusted(path: Path) -> Any:
    """Returns the content of a file that torch wrote, on the CPU; tensors are memory-mapped.

    Raises:
        OSError: if the file cannot be opened or is not regular.
        Exception: of any kind if it is damaged, holds other objects than tensors, numbers and
            texts, or claims to be larger than it is.
    """
    with open_stored(path) as file, zipfile.ZipFile(file) as archive:
        (part,) = (p for p in archive.infolist() if p.filename.rpartition("/")[2] == "data.pkl")
        if part.file_size > _LARGEST:
            raise ValueError("it holds more than 16 MiB beside the numbers of tensors")
        _Instructions(_bytes_of(part, file)).check()
        most = _MAX_SHARING * part.file_size
    content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    limit = path.stat().st_size + _SLACK
    measure = _Measure(limit)
    extent = measure.extent(content)
    # weights may be shared by many layers; their shapes are compared with those of a model
    weights = content.get("state_dict") if isinstance(content, dict) else None
    if extent.count > most or extent.claimed - measure.extent(weights).claimed > limit:
        raise ValueError("parts are repeated too often")
    return content


def _bytes_of(part: zipfile.ZipInfo, file: BinaryIO) -> bytes:
    """Returns a part without a comparison of its check sum, which torch may have left out."""
    file.seek(part.header_offset)
    *_, name_length, extra_length = _HEADER.unpack(file.read(_HEADER.size))
    file.seek(name_length + extra_length, os.SEEK_CUR)
    return file.read(part.file_size)


@final
@dataclass(slots=True)
class _Object:
    """An object of a pickle that is not made.

    Args:
        size: an upper bound of the steps that copying or hashing it takes. For lists and
            dictionaries it counts their own items alone, since neither copies more.
        depth: of tuples within each other.
        is_storage: whether it is the class of memory without a type, which takes any size.
    """

    size: int
    depth: int = 0
    is_storage: bool = False


@final
class _Instructions:
    """The instructions of a pickle, which are followed without making its objects."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._allowed = _FUNCTIONS | _allowed_by_user()
        self._stack: list[_Object] = []
        self._marks: list[int] = []
        self._memo: dict[int, _Object] = {}
        self._memory = 0

    def check(self) -> None:
        """Raises an error for instructions out of proportion to their number."""
        limit = _SPARE + _MULTIPLE * len(self._content)
        for code, argument, _ in pickletools.genops(self._content):
            self._follow(code.name, argument)
            if self._memory > limit:
                raise ValueError("its objects need too much memory")

    def _follow(self, name: str, argument: Any) -> None:
        if name == "GLOBAL":
            self._check_global(argument)
            self._stack.append(_Object(1, is_storage=argument == _STORAGE))
        elif name in _SMALL:
            self._push(8)
        elif name in _NUMBERS:
            self._push(64 + (len(argument) if isinstance(argument, str) else 0))
        elif name in _CONTAINERS:
            self._push(_CONTAINERS[name])
        elif name in ("BINPUT", "LONG_BINPUT"):
            self._memo[argument] = self._stack[-1]
            self._memory += 8
        elif name in ("BINGET", "LONG_BINGET"):
            self._stack.append(self._memo[argument])
            self._memory += 8
        elif name == "MARK":
            self._marks.append(len(self._stack))
            self._memory += 64
        elif name not in ("PROTO", "STOP"):
            self._combine(name)
        elif name == "PROTO" and argument != 2:
            raise ValueError("its pickle has another protocol")

    def _combine(self, name: str) -> None:
        """Follows an instruction that takes objects from the stack."""
        if name in _FIXED or name == "TUPLE":
            self._push_tuple(self._pop(_FIXED[name]) if name in _FIXED else self._pop_marked())
        elif name in ("APPEND", "APPENDS"):
            self._extend(self._pop(1) if name == "APPEND" else self._pop_marked())
        elif name in ("SETITEM", "SETITEMS"):
            items = self._pop(2) if name == "SETITEM" else self._pop_marked()
            self._memory += 100 * len(items[::2]) + sum(key.size for key in items[::2])  # hashes
            self._extend(items)
        elif name in ("REDUCE", "NEWOBJ"):
            function, given = self._pop(2)
            if function.is_storage:
                raise ValueError("it makes memory without content")
            self._memory += 64 + 8 * given.size
            self._stack.append(_Object(given.size, given.depth))
        elif name in ("BUILD", "BINPERSID"):
            self._pop(1)
            if name == "BINPERSID":
                self._push(500)
        else:
            raise ValueError(f"its pickle has the instruction {name}")

    def _check_global(self, name: str) -> None:
        module, _, rest = name.partition(" ")
        is_type = module == "torch" and (
            rest.endswith("Storage") or isinstance(getattr(torch, rest, None), torch.dtype)
        )
        if name not in self._allowed and not is_type:
            raise ValueError(f"it holds an object {module}.{rest}")

    def _push(self, memory: int) -> None:
        self._stack.append(_Object(1 + memory // 64))
        self._memory += memory

    def _push_tuple(self, items: list[_Object]) -> None:
        depth = 1 + max((item.depth for item in items), default=0)
        if depth > _MAX_DEPTH:
            raise ValueError("it is nested too deeply")
        self._stack.append(_Object(1 + sum(item.size for item in items), depth))
        self._memory += 56 + 8 * len(items)

    def _extend(self, items: list[_Object]) -> None:
        self._stack[-1].size += sum(item.size for item in items)
        self._memory += 8 * len(items)

    def _pop(self, count: int) -> list[_Object]:
        items = self._stack[-count:]
        del self._stack[-count:]
        return items

    def _pop_marked(self) -> list[_Object]:
        mark = self._marks.pop()
        items = self._stack[mark:]
        del self._stack[mark:]
        return items


def _allowed_by_user() -> set[str]:
    """Returns the classes that a user has declared safe to torch."""
    names = set()
    for given in torch.serialization.get_safe_globals():
        path = given[1] if isinstance(given, tuple) else f"{given.__module__}.{given.__qualname__}"
        names.add(" ".join(path.rpartition(".")[::2]))
    return names


@final
@dataclass(frozen=True, slots=True)
class _Extent:
    """What a loaded object consists of, repeated parts included.

    Args:
        count: number of parts.
        depth: of parts within each other.
        claimed: bytes of its tensors.
    """

    count: int = 1
    depth: int = 1
    claimed: int = 0


@final
class _Measure:
    """Measures loaded objects, whose tensors must lie within a file."""

    def __init__(self, limit: int) -> None:
        self._left = limit
        self._storages: set[tuple[int, int]] = set()
        self._known: dict[int, _Extent] = {}

    def extent(self, value: Any, depth: int = 0) -> _Extent:
        """Returns the extent of an object.

        Raises:
            ValueError: if it is nested too deeply or a tensor claims too much.
        """
        if isinstance(value, Tensor):
            return _Extent(claimed=self._claimed(value))
        _check_attributes(value)
        if not isinstance(value, dict | list | tuple | set) or not value:
            return _Extent()
        if id(value) not in self._known:
            parts = [*value.keys(), *value.values()] if isinstance(value, dict) else [*value]
            found = [self.extent(part, depth + 1) for part in parts if depth < _MAX_DEPTH]
            deepest = 1 + max((part.depth for part in found), default=_MAX_DEPTH)
            if deepest > _MAX_DEPTH:
                raise ValueError("it is nested too deeply")
            count, claimed = sum(part.count for part in found), sum(part.claimed for part in found)
            self._known[id(value)] = _Extent(1 + count, deepest, claimed)
        return self._known[id(value)]

    def _claimed(self, value: Tensor) -> int:
        if value.layout is not torch.strided or value.is_quantized or not value.is_cpu:
            raise ValueError("it holds tensors of a kind that is not loaded")
        storage, claimed = value.untyped_storage(), value.numel() * value.element_size()
        if claimed > storage.nbytes():
            raise ValueError("a tensor claims more numbers than the file holds")
        part = storage.data_ptr(), storage.nbytes()
        if part not in self._storages:  # one part may be named often, each time with another length
            self._storages.add(part)
            self._left -= storage.nbytes()
        if self._left < 0:
            raise ValueError("its tensors claim more numbers than the file holds")
        return claimed


def _check_attributes(value: object) -> None:
    """Raises ValueError for attributes other than those of a module's `state_dict`."""
    given = vars(value) if isinstance(value, OrderedDict) else {}
    versions = given.get("_metadata", {})
    parts = versions.values() if isinstance(versions, dict) else [None]
    is_plain = all(
        isinstance(part, dict) and isinstance(part.get("version", 1), int | None) for part in parts
    )
    if given.keys() - {"_metadata"} or not is_plain:
        raise ValueError("a dictionary has attributes")
