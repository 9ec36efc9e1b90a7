"""Encoding and decoding between training steps, without side effects on the model."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from lightning import LightningModule
from torch import Tensor, nn

from hawc.blocks import ROWS_AT_ONCE
from hawc.module_state import fixed_noise, in_eval_mode

__all__ = ["decode", "encode", "evaluating", "fixed_noise", "translate"]


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Switches to eval mode without gradients, and restores the mode of each part."""
    with in_eval_mode(module), torch.no_grad():
        yield


def decode(module: LightningModule, latents: Tensor) -> Tensor:
    """Returns latents (n, d) decoded in slices, as float32 on the CPU."""
    return _in_slices(module.decode, latents.to(module.device, module.dtype))


def encode(module: LightningModule, images: Tensor) -> Tensor:
    """Returns the latents (n, d) of images or rows, as float32 on the CPU."""
    return _in_slices(module.encode, images.to(module.device, module.dtype))


def translate(module: LightningModule, examples: Tensor, domain: str) -> Tensor:
    """Returns examples translated to domain "a" or "b", as float32 on the CPU."""
    function = module.translate_to_a if domain == "a" else module.translate_to_b
    return _in_slices(function, examples.to(module.device, module.dtype))


def _in_slices(function: Callable[[Tensor], Tensor], rows: Tensor) -> Tensor:
    # clones, since a model may modify its input in place
    return torch.cat([function(part.clone()).float().cpu() for part in rows.split(ROWS_AT_ONCE)])
