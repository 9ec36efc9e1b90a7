"""Archives (.npz) that claim much, or hold other things."""

import json
import os
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.hostile.inputs import HONEST, Input, imported

__all__ = ["archive_inputs"]

_KIND = "archive"


def _arrays() -> dict[str, Any]:
    with np.load("rows.npz") as file:
        return {name: file[name] for name in file.files}


def _saved(compress: bool = False, **changes: Any) -> Callable[[], None]:
    """Returns a preparation with other arrays; None removes one."""

    def prepare() -> None:
        arrays = {k: v for k, v in (_arrays() | changes).items() if v is not None}
        write = np.savez_compressed if compress else np.savez
        write("given.npz", allow_pickle=True, **arrays)

    return prepare


def _with_member(
    name: str, content: bytes | Callable[[], bytes], method: int = 0, flag: int = 0
) -> Callable[[], None]:
    """Returns a preparation with another member; large ones are made when they are needed."""

    def prepare() -> None:
        with zipfile.ZipFile("rows.npz") as source, zipfile.ZipFile("given.npz", "w") as target:
            for info in source.infolist():
                if info.filename != name:
                    target.writestr(info.filename, source.read(info))
            target.writestr(name, content if isinstance(content, bytes) else content(), method)
        if flag:
            raw = bytearray(Path("given.npz").read_bytes())
            for mark, place in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
                begin = raw.find(mark)
                while begin >= 0:
                    raw[begin + place] |= flag
                    begin = raw.find(mark, begin + 4)
            Path("given.npz").write_bytes(raw)

    return prepare


def _npy(shape: str, dtype: str = "<f4", data: bytes = b"") -> bytes:
    header = f"{{'descr': {dtype!r}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + data


def _notes(value: Any) -> Callable[[], None]:
    return _saved(notes=np.array(value if isinstance(value, str) else json.dumps(value)))


def _bomb() -> None:
    """Writes rows of 1.6 GB in 1.6 MB."""
    header = _npy("(200000000, 2)")
    info = zipfile.ZipInfo("points.npy")
    info.compress_type = zipfile.ZIP_DEFLATED
    with zipfile.ZipFile("rows.npz") as source, zipfile.ZipFile("given.npz", "w") as target:
        for other in source.infolist():
            if other.filename != "points.npy":
                target.writestr(other.filename, source.read(other))
        with target.open(info, "w", force_zip64=True) as file:
            file.write(header)
            for _ in range(400):
                file.write(bytes(4_000_000))


def _deep(depth: int) -> str:
    return '{"0": {"metadata": ' + '{"a":' * depth + "0" + "}" * depth + "}}"


PREPARED: dict[str, Callable[[], object]] = {
    "rows of 1.6 GB": _bomb,
    "notes of 1 GB": _with_member(
        "notes.npy", lambda: _npy("()", "<U250000000", bytes(10**9)), zipfile.ZIP_DEFLATED
    ),
    "format of 400 MB": _with_member(
        "format.npy", lambda: _npy("()", "<U100000000", bytes(4 * 10**8)), zipfile.ZIP_DEFLATED
    ),
    "header claims 10^12 rows": _with_member("points.npy", _npy("(1000000000000, 2)")),
    "header claims 10^30 rows": _with_member("points.npy", _npy(f"({10**30}, 2)")),
    "header of negative rows": _with_member("points.npy", _npy("(-4, 2)")),
    "header of no size and many rows": _with_member("points.npy", _npy("(9999999999999, 0)")),
    "dtype of no bytes": _with_member("points.npy", _npy("(10000000000, 2)", "|V0")),
    "header is code": _with_member("points.npy", _npy("__import__('os').system('x')")),
    "header nested deeply": _with_member("points.npy", _npy("(" * 9000 + ")" * 9000)),
    "encrypted": _with_member("x.npy", b"", flag=1),
    "LZMA": _with_member("points.npy", _npy("(1, 2)", data=bytes(8)), zipfile.ZIP_LZMA),
    "bzip2 of zeros": _with_member(
        "points.npy", lambda: _npy("(9, 2)", data=bytes(10**8)), zipfile.ZIP_BZIP2
    ),
    "no member is an array": _with_member("points.npy", b"hello"),
    "objects": _saved(points=np.array([[1, 2], [3, 4]], dtype=object)),
    "texts for rows": _saved(points=np.array([["a", "b"]])),
    "dates for rows": _saved(points=np.array([["2020-01-01", "NaT"]], dtype="M8[D]")),
    "records for rows": _saved(points=np.zeros((3, 2), dtype=[("a", "f4"), ("b", "i8")])),
    "complex rows": _saved(points=np.ones((3, 2), "c16")),
    "rows of half precision": _saved(points=np.ones((12, 2), "f2")),
    "rows of long doubles": _saved(points=np.ones((12, 2), np.longdouble)),
    "rows of other byte order": _saved(points=np.ones((12, 2), ">f4")),
    "rows of NaN": _saved(
        points=np.full((12, 2), np.nan, "f4"), notes=None, format="hawc history 1"
    ),
    "rows of infinity": _saved(points=np.full((12, 2), np.inf, "f4")),
    "rows of three axes": _saved(points=np.zeros((3, 2, 2), "f4")),
    "no axis": _saved(points=np.float32(3)),
    "rows of no column": _saved(points=np.zeros((4, 0), "f4")),
    "features that there are not": _saved(num_features=np.array([1, 2])),
    "features are text": _saved(num_features=np.array("many")),
    "features below 0": _saved(num_features=-5),
    "features NaN": _saved(num_features=np.nan),
    "candidates of objects": _saved(candidates=np.array([None])),
    "candidates of NaN": _saved(num_features=1, candidates=np.full((3, 1), np.nan, "f4")),
    "format is a list": _saved(format=np.array(["hawc history 2"] * 3)),
    "format of escape sequences": _saved(format=np.array("\x1b[31mhawc")),
    "target of escape sequences": _saved(target=np.array("\x1b]0;x\x07")),
    "target of 10 MB": _saved(target=np.array("x" * 2_500_000)),
    "notes are a list": _notes([1, 2]),
    "notes are no JSON": _notes("{'a': 1}"),
    "notes nested deeply": _notes(_deep(50_000)),
    "notes nested to 900": _notes(_deep(900)),
    "notes of rows that there are not": _notes({"99": {"seed": 1}, "-1": {"seed": 2}}),
    "notes of rows that are no numbers": _notes({"a": {"seed": 1}}),
    "notes' rows of other digits": _notes({"²": {"seed": 1}}),
    "notes are ragged": _notes({"0": [1], "1": "x", "2": None}),
    "a seed of 5,000 digits": _notes('{"0": {"seed": ' + "9" * 5000 + "}}"),
    "a seed of text": _notes({"0": {"seed": "x"}}),
    "tags are a number": _notes({"0": {"tags": 3}}),
    "tags are a text": _notes({"0": {"tags": "abc"}}),
    "tags of lists": _notes({"0": {"tags": [[1], {}]}}),
    "metadata are a list": _notes({"0": {"metadata": [1]}}),
    "a generator of a list": _notes({"0": {"generator": [1, 2]}}),
    "a pipe": lambda: os.mkfifo("given.npz"),
    "a device": lambda: os.symlink("/dev/zero", "given.npz"),
    "a folder": lambda: os.mkdir("given.npz"),
    "a link to itself": lambda: os.symlink("given.npz", "given.npz"),
    "another zip file": lambda: zipfile.ZipFile("given.npz", "w").close(),
    "an .npy file": lambda: (
        np.save("given.npy", np.zeros((3, 2))),
        os.rename("given.npy", "given.npz"),
    ),
}


def archive_inputs() -> Iterator[Input]:
    """Yields all archives, imported into memory or, alternately, into a store."""
    yield Input(_KIND, HONEST, _saved(), imported("given.npz"))
    for number, (name, prepare) in enumerate(PREPARED.items()):
        yield Input(_KIND, name, prepare, imported("given.npz", durable=number % 2 == 0))
