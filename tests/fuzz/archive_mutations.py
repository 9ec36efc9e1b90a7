"""Changes of zip files: checkpoints of torch and archives of NumPy."""

import io
import json
import random
import warnings
import zipfile
from typing import Any

import numpy as np
import torch

from tests.fuzz.raw_mutations import mutated_bytes
from tests.fuzz.value_mutations import mutated_value, odd_value

__all__ = ["mutated_archive", "mutated_checkpoint"]

_DTYPES = ("f2", "f4", "f8", ">f4", "c8", "i8", "u1", "?", "M8[s]", "U3", "S4", "V8")
_SHAPES = ("(3,)", "(-1, 2)", "(10**9, 2)", "(2, 3, 4)", "()", "(0, 2)", "(9999999999999999, 4)")


def mutated_checkpoint(content: bytes, chance: random.Random) -> bytes:
    """Returns another checkpoint; its check sums are right in four of five cases."""
    kind = chance.randrange(10)
    if kind < 2:
        return mutated_bytes(content, chance)
    if kind < 4:
        return _mutated_zip(content, chance)
    values = torch.load(io.BytesIO(content), weights_only=True)
    written = io.BytesIO()
    legacy = chance.random() < 0.05
    changed = mutated_value(values, chance, tensors=True)
    try:
        torch.save(changed, written, _use_new_zipfile_serialization=not legacy)
    except (NotImplementedError, RuntimeError, UnicodeError):  # of tensors that are not written
        return mutated_bytes(content, chance)
    return written.getvalue()


def mutated_archive(content: bytes, chance: random.Random) -> bytes:
    """Returns another .npz file; its check sums are right in four of five cases."""
    kind = chance.randrange(10)
    if kind < 2:
        return mutated_bytes(content, chance)
    if kind < 4:
        return _mutated_zip(content, chance)
    with np.load(io.BytesIO(content)) as file:
        arrays: dict[str, Any] = {name: file[name] for name in file.files}
    name = chance.choice([*arrays])
    if kind == 4:
        del arrays[name]
    elif kind == 5:
        notes = json.loads(str(arrays["notes"]))
        arrays["notes"] = np.array(json.dumps(mutated_value(notes, chance)))
    elif kind == 6:
        shown = chance.choice((np.nan, np.inf, -np.inf, 0))
        arrays["points"].flat[chance.randrange(arrays["points"].size)] = shown
    else:
        arrays[name] = _odd_array(arrays[name], chance)
    written = io.BytesIO()
    np.savez(written, allow_pickle=True, **arrays)
    return written.getvalue()


def _odd_array(array: np.ndarray, chance: random.Random) -> np.ndarray:
    kind = chance.randrange(5)
    if kind == 0:
        return np.zeros(array.shape, chance.choice(_DTYPES))
    if kind == 1:
        return array[None] if chance.random() < 0.5 else np.repeat(array.ravel(), 2)
    if kind == 2:
        return np.array([odd_value(chance)], dtype=object)
    if kind == 3:
        return array.ravel()[: chance.randrange(3)]
    text = odd_value(chance, array.tolist())
    return np.array(str(text) if chance.random() < 0.5 else len(str(text)))


def _mutated_zip(content: bytes, chance: random.Random) -> bytes:
    """Returns a zip file with a member that is changed, removed, doubled or renamed."""
    with zipfile.ZipFile(io.BytesIO(content)) as source:
        members = [(info, source.read(info)) for info in source.infolist()]
    place = chance.randrange(len(members))
    info, data = members[place]
    kind = chance.randrange(6)
    if kind == 0:
        data = mutated_bytes(data, chance)
    elif kind == 1 and info.filename.endswith(".npy"):
        shape = chance.choice(_SHAPES)
        begin = data.index(b"'shape': (")
        header = data[:begin] + f"'shape': {shape}, }}".encode()
        data = (
            header.ljust(data.index(b"\n", begin))[: data.index(b"\n", begin)]
            + data[data.index(b"\n", begin) :]
        )
    elif kind == 2:
        members.append((info, mutated_bytes(data, chance)))
    elif kind == 3:
        info = zipfile.ZipInfo(chance.choice(("../x", "/tmp/x", f"{info.filename}x", "a/" * 50)))
    elif kind == 4:
        data = b""
    members[place] = (info, data)
    if kind == 5:
        del members[place]
    written = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(written, "w") as target:
        warnings.simplefilter("ignore")  # of a name twice
        for number, (info, data) in enumerate(members):
            if number != place:
                target.writestr(info, data)
            else:
                target.writestr(info.filename, data, chance.choice((0, 0, 8)))
    return written.getvalue()
