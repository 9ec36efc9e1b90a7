"""What torch writes is loaded; files that ask for more than they hold are refused at once."""

import contextlib
import io
import os
import pickle
import struct
import zipfile
from collections import Counter, OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lightning_modules.base import untrusted
from lightning_modules.base.untrusted import load_untrusted
from tests.helpers import tiny_wgan

START, STOP = b"\x80\x02", b"."


def with_pickle(content: bytes, path: Path) -> None:
    """Writes a checkpoint whose objects are described by other instructions."""
    source = io.BytesIO()
    torch.save({"a": torch.ones(4)}, source)
    with zipfile.ZipFile(source) as parts, zipfile.ZipFile(path, "w") as changed:
        for part in parts.infolist():
            is_pickle = part.filename.endswith("data.pkl")
            changed.writestr(part.filename, content if is_pickle else parts.read(part))


def text(content: str) -> bytes:
    return b"X" + struct.pack("<I", len(content)) + content.encode()


def put(place: int) -> bytes:
    return b"q" + bytes([place])


def get(place: int) -> bytes:
    return b"h" + bytes([place])


def call(function: str, arguments: bytes) -> bytes:
    module, name = function.split()
    return f"c{module}\n{name}\n".encode() + arguments + b"R"


DOUBLED = b"K\x01" + b"".join(b"q\x00h\x00\x86" for _ in range(80))  # tuples of two equal parts
LISTS = b"]" + put(0) + b"".join(b"]" + put(i + 1) + b"(" + get(i) * 9 + b"e" for i in range(30))
SAME = text("x" * 10**6) + put(0) + b"0]("
HOSTILE = {
    "doubled tuples as a key": b"}" + DOUBLED + b"K\x01s",
    "doubled tuples": DOUBLED,
    "doubled lists": LISTS,
    "deep tuples as a key": b"}" + b"K\x01" + b"\x85" * 10**6 + b"K\x01s",
    "deep lists": b"]" * 5000 + b"a" * 4999,
    "a list within itself": b"]" + put(0) + get(0) + b"a",
    "many lists": b"](" + b"]" * (6 * 10**5) + b"e",
    "many sets": b"](" + b"\x8f" * 10**5 + b"e",
    "a dictionary with attributes": call("collections OrderedDict", b")")
    + b"}"
    + text("items")
    + b"K\x01sb",
    "bytes without content": call("builtins bytearray", b"J\xff\xff\xff\x7f\x85"),
    "memory without content": call("torch.storage UntypedStorage", b"J\xff\xff\xff\x7f\x85"),
    "a tensor without content": call("torch FloatTensor", b"J\xff\xff\xff\x7f\x85"),
    "many copies": SAME + call("_codecs encode", get(0) + text("latin1") + b"\x86") * 10_000 + b"e",
    "another function": call("os system", text("true") + b"\x85"),
    "another protocol": b"\x80\x04N",
    "an end without a beginning": b"e",
    "nothing": b"",
    "a missing object": get(7),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.timeout(60)
def test_instructions_out_of_proportion_are_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "a.ckpt"
    with_pickle(START + HOSTILE[name] + STOP, path)
    with pytest.raises(Exception):  # noqa: B017  no common base
        load_untrusted(path)


def expanded(path: Path) -> None:
    torch.save({"a": torch.zeros(1).expand(10**10)}, path)


def strides_of_zero(path: Path) -> None:
    torch.save({"a": torch.ones(8).as_strided((8, 10**6, 10**6), (1, 0, 0))}, path)


def sparse(path: Path) -> None:
    torch.save({"a": torch.sparse_coo_tensor([[0]], [1.0], (10**11,))}, path)


def on_no_device(path: Path) -> None:
    torch.save({"a": torch.empty(10**11, device="meta")}, path)


def shared_often(path: Path) -> None:
    whole = torch.zeros(10**6)
    torch.save({"state_dict": {}, "a": [whole[:] for _ in range(1000)]}, path)


@pytest.mark.parametrize("write", [expanded, strides_of_zero, sparse, on_no_device, shared_often])
def test_contents_that_claim_more_are_refused(write: Any, tmp_path: Path) -> None:
    write(tmp_path / "a.ckpt")
    with pytest.raises((ValueError, pickle.UnpicklingError)):
        load_untrusted(tmp_path / "a.ckpt")


def test_a_compressed_checkpoint_is_refused(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(10**6)}, tmp_path / "a.ckpt")
    with (
        zipfile.ZipFile(tmp_path / "a.ckpt") as parts,
        zipfile.ZipFile(tmp_path / "b.ckpt", "w", zipfile.ZIP_DEFLATED) as changed,
    ):
        for name in parts.namelist():
            changed.writestr(name, parts.read(name))
    assert (tmp_path / "b.ckpt").stat().st_size < 10_000
    with pytest.raises(ValueError, match="it is compressed"):
        load_untrusted(tmp_path / "b.ckpt")


def test_what_is_no_tensor_has_a_largest_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(untrusted, "_LARGEST", 1_000)
    torch.save({"weight": torch.zeros(10_000)}, tmp_path / "a.ckpt")
    assert load_untrusted(tmp_path / "a.ckpt")["weight"].shape == (10_000,)
    torch.save({"curve": [0.1] * 1_000}, tmp_path / "b.ckpt")
    with pytest.raises(ValueError, match="more than 16 MiB beside the numbers of tensors"):
        load_untrusted(tmp_path / "b.ckpt")


def test_pipes_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, Path("/dev/zero")):
        with pytest.raises(OSError, match="a regular file is required"):
            load_untrusted(path)


def test_all_that_checkpoints_hold_is_loaded(tmp_path: Path) -> None:
    weight = torch.arange(12.0).reshape(3, 4)
    content = {
        "state_dict": tiny_wgan().state_dict(),
        "views": [weight.T, weight[:, 1], weight[:0], weight.expand(1, 3, 4)],
        "kinds": [weight.to(t) for t in (torch.bfloat16, torch.float8_e4m3fn, torch.bool)],
        "numbers": [1, 2**40, 2**80, -1, 0.5, float("nan"), True, None, 1j],
        "texts": ["", "x" * 10**5, "\N{SNOWMAN}", b"bytes", b"\xff" * 300],
        "containers": [(1, (2, 3)), {1, 2}, OrderedDict(a=1), Counter("aab"), {(1, 2): 3}],
        "types": [torch.float32, torch.Size([1, 2]), torch.device("cpu")],
        "weight": torch.nn.Parameter(weight.clone()),
        "tied": {f"layer{i}": weight for i in range(50)},
        "notes": {i: [{"seed": i, "metadata": {"prompt": "a cat"}}] for i in range(3000)},
        "flags": [True] * 20_000,
    }
    torch.save(content, tmp_path / "a.ckpt")
    loaded = load_untrusted(tmp_path / "a.ckpt")
    expected = torch.load(tmp_path / "a.ckpt", weights_only=True)
    assert pickle.dumps(loaded["notes"]) == pickle.dumps(expected["notes"])
    assert loaded.keys() == content.keys()
    assert loaded["state_dict"]._metadata == content["state_dict"]._metadata  # type: ignore[attr-defined]
    assert loaded["containers"] == content["containers"]
    assert loaded["texts"] == content["texts"]
    assert all(torch.equal(a, b) for a, b in zip(loaded["views"], expected["views"], strict=True))


@pytest.mark.filterwarnings("ignore")  # of torch about odd bytes
@pytest.mark.timeout(120)
def test_flipped_bytes_give_an_error_or_a_content(tmp_path: Path) -> None:
    path, generator = tmp_path / "a.ckpt", np.random.default_rng(0)
    source = io.BytesIO()
    torch.save({"state_dict": tiny_wgan().state_dict(), "epoch": 1}, source)
    with zipfile.ZipFile(source) as parts:
        (name,) = (name for name in parts.namelist() if name.endswith("data.pkl"))
        content = parts.read(name)
    for _ in range(100):
        changed = bytearray(content)
        for place in generator.integers(2, len(content), 3):
            changed[place] = generator.integers(256)
        with_pickle(bytes(changed), path)
        with contextlib.suppress(Exception):  # or a number has changed
            load_untrusted(path)
