"""Checkpoints that claim much, hold other things, or run code when they are unpickled."""

import io
import os
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FunctionType
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.hostile.bases import CHECKPOINT
from benchmarks.hostile.inputs import HONEST, Input, canary_command, export, fit, sample

__all__ = ["checkpoint_inputs"]

_KIND, _PAYLOAD, _STATE = "checkpoint: sizes", "checkpoint: pickled", "checkpoint: state"
_RESUME = ("--ckpt_path", "given.ckpt", "--trainer.max_epochs", "2")
_WEIGHT = "decoder.0.weight"

Content = dict[str, Any]
Change = Callable[[Content], object]


class _Runs:
    """Calls a function when it is unpickled."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self._call = function, arguments

    def __reduce__(self) -> tuple[Any, ...]:
        return self._call


def _put(value: object, *path: Any) -> Change:
    """Returns a change of one entry; * is the first key, and a function is called first."""

    def change(content: Content) -> None:
        place: Any = content
        new = value() if isinstance(value, FunctionType) else value
        for key in path[:-1]:
            place = place[next(iter(place)) if key == "*" else key]
        place[next(iter(place)) if path[-1] == "*" else path[-1]] = new

    return change


def _saved(change: Change, legacy: bool = False) -> Callable[[], None]:
    def prepare() -> None:
        content = torch.load(CHECKPOINT, weights_only=True)
        new = change(content)
        written = new if isinstance(new, dict) else content
        torch.save(written, "given.ckpt", _use_new_zipfile_serialization=not legacy)

    return prepare


def _packed(change: Change) -> Callable[[], None]:
    """Returns a preparation that compresses the members, as torch does not."""

    def prepare() -> None:
        _saved(change)()
        with (
            zipfile.ZipFile("given.ckpt") as source,
            zipfile.ZipFile("packed", "w", zipfile.ZIP_DEFLATED) as target,
        ):
            for info in source.infolist():
                with (
                    source.open(info) as read,
                    target.open(info.filename, "w", force_zip64=True) as w,
                ):
                    while part := read.read(2**22):
                        w.write(part)
        os.replace("packed", "given.ckpt")

    return prepare


def _expanded(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.zeros(1, dtype=dtype).expand(*shape)


_HISTORY = ("callbacks", "HistoryAwareSampling")


def _of_history(name: str, value: object) -> Change:
    def change(content: Content) -> None:
        key = next(k for k in content["callbacks"] if k.startswith("HistoryAware"))
        state = content["callbacks"][key]
        inner = state.get("history", state)
        new = value() if isinstance(value, FunctionType) else value
        (inner if name in inner else state)[name] = new

    return change


def _nested(depth: int) -> Any:
    value: Any = 0
    for _ in range(depth):
        value = [value]
    return value


SIZES: dict[str, Callable[[], None]] = {
    "zeros of 2 GB, compressed": _packed(_put(lambda: torch.zeros(500_000_000), "more")),
    "weight of stride 0": _saved(_put(_expanded(40_000, 40_000), "state_dict", _WEIGHT)),
    "unknown weight of stride 0": _saved(_put(_expanded(10**11), "state_dict", "more")),
    "history of stride 0": _saved(_of_history("points", _expanded(2_000_000_000, 2))),
    "history of doubles, stride 0": _saved(
        _of_history("points", _expanded(10**9, 2, dtype=torch.float64))
    ),
    "candidates of stride 0": _saved(_of_history("candidates", _expanded(3 * 10**9, 2))),
    "optimizer state of stride 0": _saved(
        _put(_expanded(10**10), "optimizer_states", 0, "state", 0, "exp_avg")
    ),
    "a tensor on no device": _saved(
        _put(torch.empty(10**12, device="meta"), "state_dict", _WEIGHT)
    ),
    "sparse of huge size": _saved(
        _put(
            lambda: torch.sparse_coo_tensor([[0], [0]], [1.0], (10**6, 10**6)),
            *("state_dict", _WEIGHT),
        )
    ),
    "300,000 optimizers": _saved(
        _put(lambda: [{"state": {}, "param_groups": []}] * 300_000, "optimizer_states")
    ),
    "a million tags": _saved(
        _of_history("notes", lambda: [[i, {"tags": ["x" * 9]}] for i in range(10**6)])
    ),
    "a global step of 400 digits": _saved(_put(10**400, "global_step")),
}


def _raw_pickle(content: bytes) -> Callable[[], None]:
    def prepare() -> None:
        with zipfile.ZipFile("given.ckpt", "w") as file:
            file.writestr("archive/data.pkl", content)
            file.writestr("archive/version", "3\n")
            file.writestr("archive/byteorder", "little")

    return prepare


def _payload(*call: Any) -> Callable[[], None]:
    return _saved(_put(_Runs(*call), "more"))


PAYLOADS: dict[str, Callable[[], None]] = {
    "os.system": _payload(os.system, canary_command()),
    "eval": _payload(eval, f"__import__('os').system({canary_command()!r})"),
    "within the weights": _saved(_put(_Runs(os.system, canary_command()), "state_dict", _WEIGHT)),
    "legacy format": _saved(_put(_Runs(os.system, canary_command()), "more"), legacy=True),
    "plain pickle": lambda: Path("given.ckpt").write_bytes(
        pickle.dumps(_Runs(os.system, canary_command()))
    ),
    "a module": _saved(_put(nn.Linear(2, 2), "state_dict", "more")),
    "torch.load of a pickle inside": _payload(torch.hub.load, "outside", "x"),
    "build of an OrderedDict": _saved(_put(_Runs(OrderedDict, [("a", _Runs(os.getcwd))]), "more")),
    "a tuple tree that doubles": _raw_pickle(b"\x80\x02]q\0" + b"(h\0h\0tq\0" * 40 + b"."),
    "numbers of 10^8 digits": _raw_pickle(b"\x80\x02\x8b\x00\xe1\xf5\x05" + b"\x7f" * 1000 + b"."),
    "lists 100,000 deep": _raw_pickle(b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b"."),
    "memo at 2^31": _raw_pickle(b"\x80\x02]r\xff\xff\xff\x7f."),
    "an unknown opcode": _raw_pickle(b"\x80\x02\xf3."),
}
_TIMES = ("epoch_progress", "current", "processed")
STATES: dict[str, Change] = {
    "loops is a list": _put([1, 2], "loops"),
    "loops is empty": _put({}, "loops"),
    "progress is text": _put("three", "loops", "fit_loop", *_TIMES),
    "progress is negative": _put(-7, "loops", "fit_loop", *_TIMES),
    "progress is 10^30": _put(10**30, "loops", "fit_loop", *_TIMES),
    "progress is NaN": _put(float("nan"), "loops", "fit_loop", *_TIMES),
    "an unknown loop": _put({"state_dict": {}}, "loops", "fit_loop", "more"),
    "batch progress without total": _put({}, "loops", "fit_loop", "epoch_loop.batch_progress"),
    "loader state of another": _put(
        [{"x": 1}], "loops", "fit_loop", "state_dict", "combined_loader"
    ),
    "callbacks is a list": _put([{}], "callbacks"),
    "a callback's state is text": _put("x", "callbacks", "*"),
    "a callback of escape sequences": _put({"a": 1}, "callbacks", "\x1b]0;x\x07Evil"),
    "history of text": _of_history("points", "rows"),
    "history of integers": _of_history("points", torch.ones(4, 2, dtype=torch.int64)),
    "history of another dimension": _of_history("points", torch.ones(4, 7)),
    "history of NaN": _of_history("points", torch.full((4, 2), torch.nan)),
    "history's notes are ragged": _of_history("notes", [[0, 1, 2], "x"]),
    "optimizer of no group": _put([], "optimizer_states", 0, "param_groups"),
    "optimizer of other keys": _put({"a": 1}, "optimizer_states", 0, "param_groups", 0),
    "optimizer of two states": lambda c: c["optimizer_states"].append(c["optimizer_states"][0]),
    "moments of another shape": _put(torch.zeros(9), "optimizer_states", 0, "state", 0, "exp_avg"),
    "moments are text": _put("x", "optimizer_states", 0, "state", 0, "exp_avg"),
    "no moments": _put({}, "optimizer_states", 0, "state", 0),
    "learning rate is text": _put("fast", "optimizer_states", 0, "param_groups", 0, "lr"),
    "schedulers that there are not": _put([{"last_epoch": 3}], "lr_schedulers"),
    "step is text": _put("7", "global_step"),
    "step is -1": _put(-1, "global_step"),
    "epoch is a tensor": _put(torch.zeros(3), "epoch"),
    "version is no version": _put("x\x1b[31m", "pytorch-lightning_version"),
    "version is a number": _put(3, "pytorch-lightning_version"),
    "version of the future": _put("99.0", "pytorch-lightning_version"),
    "weights are a list": _put([torch.zeros(2)], "state_dict"),
    "weight is a number": _put(3.0, "state_dict", _WEIGHT),
    "weight is complex": _put(torch.zeros(4, 2, dtype=torch.complex64), "state_dict", _WEIGHT),
    "weight has a number for its name": _put(torch.zeros(2), "state_dict", 7),
    "hyperparameters name a function": _put(
        {"class_path": "os.system"}, "hyper_parameters", "decoder"
    ),
    "data module's state is text": _put("x", "CSVTable"),
    "a list": lambda _: None,
}


def checkpoint_inputs() -> Iterator[Input]:
    """Yields all, each with one or several commands."""
    for kind in (_KIND, _PAYLOAD, _STATE):
        yield Input(kind, HONEST, _saved(lambda _: None), fit(*_RESUME))
    for kind, made in ((_KIND, SIZES), (_PAYLOAD, PAYLOADS)):
        for number, (name, prepare) in enumerate(made.items()):
            yield Input(kind, f"{name}, fit", prepare, fit(*_RESUME))
            other = (sample(checkpoint="given.ckpt"), export("given.ckpt"))[number % 2]
            yield Input(kind, f"{name}, {('sample', 'export')[number % 2]}", prepare, other)
    for name, change in STATES.items():
        prepare = _saved(change) if name != "a list" else _list
        yield Input(_STATE, name, prepare, fit(*_RESUME))
    amsgrad = ("--model.optimizer.amsgrad", "true")
    sgd = ("--model.optimizer", "torch.optim.SGD", "--model.optimizer.momentum", "0.9")
    rprop = ("--model.optimizer", "torch.optim.Rprop")
    for name, options in {"amsgrad": amsgrad, "SGD": sgd, "Rprop": rprop}.items():
        yield Input(_STATE, f"resumed by {name}", _saved(lambda _: None), fit(*_RESUME, *options))


def _list() -> None:
    written = io.BytesIO()
    torch.save([1, 2], written)
    Path("given.ckpt").write_bytes(written.getvalue())
