"""User functions are called on suited inputs, and their errors name the stage."""

from functools import partial

import pytest
import torch
from torch import Tensor, nn

from hawc.samplers.stage import called, described_output, module_of


def test_a_module_gets_tensors_of_its_precision() -> None:
    layer = nn.Linear(2, 2).half()
    assert called("decode", layer, torch.ones(3, 2), 3).dtype == torch.float16
    seen: list[torch.dtype] = []
    called("decode", lambda x: seen.append(x.dtype) or x, torch.ones(3, 2).double(), 3)
    assert seen == [torch.float64]


def test_finds_the_module_behind_methods_and_partials() -> None:
    layer = nn.Linear(2, 2)
    assert module_of(layer) is layer
    assert module_of(partial(layer.forward)) is layer
    assert module_of(lambda x: layer(x)) is None


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: not enough memory: you tried to"),
        RuntimeError("ONNXRuntimeError: Failed to allocate memory for requested buffer"),
    ],
)
def test_a_lack_of_memory_is_about_the_batch_size(error: Exception) -> None:
    def decode(z: Tensor) -> Tensor:
        raise error

    with pytest.raises(ValueError, match=r"`batch_size` must be small .* got 3 at once") as caught:
        called("decode", decode, torch.ones(3, 2), 3)
    assert caught.value.__cause__ is error


def test_other_errors_are_raised_with_the_name_of_the_stage() -> None:
    def features(images: Tensor) -> Tensor:
        raise RuntimeError("no such layer")

    with pytest.raises(RuntimeError, match="no such layer") as caught:
        called("features", features, torch.ones(3, 2), 3)
    assert caught.value.__notes__ == [
        "Raised by `features`, called with a Tensor of shape (3, 2), torch.float64."
    ]


def test_describes_outputs() -> None:
    assert described_output([1, 2]) == "a list of 2"
    assert described_output("text") == "a str"
