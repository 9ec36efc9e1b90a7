"""Uses a model between its training steps without leaving a trace in it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from lightning import LightningModule
from torch import Tensor, nn

__all__ = ["decode", "encode", "evaluating", "fixed_noise", "translate"]

_AT_ONCE = 256  # bounds the memory that many large pictures take


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Within it a model or network is in eval mode without gradients; all modes are put back."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for part, training in modes:
            part.training = training


@contextmanager
def fixed_noise(device: torch.device, seed: int) -> Iterator[None]:
    """Within it torch's global generators start from a seed; their state is put back.

    For models that draw without being given a generator, as `draw_codes` of a VAE does.
    """
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices):
        # not torch.manual_seed, which also seeds devices whose state is not put back here
        torch.default_generator.manual_seed(seed)
        for cuda in devices:
            with torch.cuda.device(cuda):
                torch.cuda.manual_seed(seed)
        yield


def decode(module: LightningModule, latents: Tensor) -> Tensor:
    """Returns what latents (n, d) stand for as float32 on the CPU, decoded in slices."""
    return _in_slices(module.decode, latents.to(module.device, module.dtype))


def encode(module: LightningModule, images: Tensor) -> Tensor:
    """Returns latents (n, d) of pictures or rows as float32 on the CPU, encoded in slices."""
    return _in_slices(module.encode, images.to(module.device, module.dtype))


def translate(module: LightningModule, items: Tensor, domain: str) -> Tensor:
    """Returns what items of the other domain become in "a" or "b", as float32 on the CPU."""
    function = module.translate_to_a if domain == "a" else module.translate_to_b
    return _in_slices(function, items.to(module.device, module.dtype))


def _in_slices(function: Callable[[Tensor], Tensor], rows: Tensor) -> Tensor:
    return torch.cat([function(part).float().cpu() for part in rows.split(_AT_ONCE)])
