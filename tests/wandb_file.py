"""Reads what a run wrote for Weights & Biases, without W&B's server.

The file is a header, then a LevelDB log: blocks of 32 KiB that hold records, each with checksum,
length and type (1 whole, 2 first, 3 middle, 4 last part), whose joined parts are protobuf messages.
The message types are W&B's own and may change with its version; only this file knows them.
"""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError
from wandb.proto.wandb_internal_pb2 import Record

_BLOCK, _FILE_HEADER, _RECORD_HEADER = 32768, 7, 7
_WHOLE, _FIRST, _LAST = 1, 2, 4
_PATIENCE_S = 120.0  # of a machine that has much else to do


def read_run(folder: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Returns the history, one dictionary a step, and the configuration of a finished run.

    W&B's service writes the end of the file a moment after the run has been finished.
    """
    records = _finished(folder)
    history = [_nested(record.history.item) for record in records if record.HasField("history")]
    config: dict[str, Any] = {}
    for record in records:
        config |= _nested([*record.run.config.update, *record.config.update])
    return history, config


def read_artifacts(folder: Path) -> list[tuple[str, list[str]]]:
    """Returns the checkpoints that a finished run logged: their files' names and their aliases."""
    logged = [r.request.log_artifact.artifact for r in _finished(folder) if r.HasField("request")]
    logged += [record.artifact for record in _finished(folder) if record.HasField("artifact")]
    told = [(json.loads(a.metadata)["original_filename"], a) for a in logged if a.metadata]
    return [(name, list(artifact.aliases)) for name, artifact in told]


def _finished(folder: Path) -> list[Record]:
    (path,) = folder.glob("*.wandb")
    deadline = time.monotonic() + _PATIENCE_S
    while (records := _all_records(path)) is None:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{path} has no end")
        time.sleep(0.05)
    return records


def _all_records(path: Path) -> list[Record] | None:
    """Returns the records, or None while the one that ends a run is missing."""
    try:
        records = list(_records(path.read_bytes()))
    except DecodeError:
        return None
    return records if any(record.HasField("exit") for record in records) else None


def _nested(examples: Any) -> dict[str, Any]:
    """Returns examples as a dictionary; one with several keys lies in a dictionary below the
    first.
    """
    values: dict[str, Any] = {}
    for example in examples:
        *path, last = example.nested_key or [example.key]
        place = values
        for key in path:
            place = place.setdefault(key, {})
        place[last] = json.loads(example.value_json)
    return values


def _records(content: bytes) -> Iterator[Record]:
    position, payload = _FILE_HEADER, b""
    while position + _RECORD_HEADER <= len(content):
        left = _BLOCK - position % _BLOCK
        if left < _RECORD_HEADER:  # a block's end too short for a record is filled with zeros
            position += left
            continue
        length = int.from_bytes(content[position + 4 : position + 6], "little")
        kind = content[position + 6]
        position += _RECORD_HEADER
        part = content[position : position + length]
        position += length
        payload = part if kind in (_WHOLE, _FIRST) else payload + part
        if kind in (_WHOLE, _LAST):
            yield Record.FromString(payload)
