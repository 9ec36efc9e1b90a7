"""Reads a safetensors file by the format's description, apart from the code that writes it."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

DTYPES = {
    **{"F64": np.float64, "F32": np.float32, "F16": np.float16},
    **{"I64": np.int64, "I32": np.int32, "I16": np.int16, "I8": np.int8},
    **{"U8": np.uint8, "BOOL": np.bool_},
}


def read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Returns tensors and metadata; fails unless the header accounts for every byte once."""
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    assert length % 8 == 0
    header: dict[str, Any] = json.loads(content[8 : 8 + length])
    metadata = header.pop("__metadata__")
    tensors, end = {}, 0
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        first, last = entry["data_offsets"]
        assert first == end
        end = last
        data = content[8 + length + first : 8 + length + last]
        if entry["dtype"] == "BF16":
            value = torch.frombuffer(bytearray(data), dtype=torch.bfloat16)
        else:
            value = torch.from_numpy(np.frombuffer(data, DTYPES[entry["dtype"]]).copy())
        tensors[name] = value.reshape(entry["shape"])
    assert 8 + length + end == len(content)
    return tensors, metadata
