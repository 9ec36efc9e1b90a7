"""Tensors in the safetensors format: names, types, shapes and numbers, and nothing that could run.

The file is eight bytes, the length of the header as a little-endian integer; the header in JSON,
of each tensor `dtype`, `shape` and where its bytes begin and end; the bytes of all tensors, in
order and without gaps. The few lines below write it; a library is needed only to read it, and there
is one for most languages.

Source: the format's description, https://github.com/huggingface/safetensors
"""

import json
from collections.abc import Mapping

import torch
from torch import Tensor

__all__ = ["safetensors_bytes"]

_NAMES = {
    **{torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16"},
    **{torch.int64: "I64", torch.int32: "I32", torch.int16: "I16", torch.int8: "I8"},
    **{torch.uint8: "U8", torch.bool: "BOOL"},
}
_ALIGNMENT = 8  # of the first tensor, for readers that map the file into memory


def safetensors_bytes(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> bytes:
    """Returns the content of a file that holds tensors.

    Args:
        tensors: by name, of any shape and on any device; numbers real, integer or boolean.
        metadata: texts that are kept beside them.

    Raises:
        ValueError: if the format has no name for a tensor's numbers.
    """
    header: dict[str, object] = {"__metadata__": dict(metadata)}
    contents: list[bytes] = []
    end = 0
    # the largest numbers first: each tensor then begins at a multiple of their size
    for name in sorted(tensors, key=lambda name: (-tensors[name].element_size(), name)):
        tensor = tensors[name]
        if tensor.dtype not in _NAMES:
            raise ValueError(
                f"`tensors` must be of real, integer or boolean numbers, got {name} of "
                f"{tensor.dtype}; convert it first."
            )
        contents.append(_bytes(tensor))
        offsets = [end, end + len(contents[-1])]
        end = offsets[1]
        shape = list(tensor.shape)
        header[name] = {"dtype": _NAMES[tensor.dtype], "shape": shape, "data_offsets": offsets}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    return b"".join([len(text).to_bytes(8, "little"), text, *contents])


def _bytes(tensor: Tensor) -> bytes:
    flat = tensor.detach().cpu().contiguous().flatten()  # numbers without a dimension get one
    return flat.view(torch.uint8).numpy().tobytes()
