"""Uses modules without leaving a trace in them, or in torch's global random numbers."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

__all__ = ["fixed_noise", "in_eval_mode"]


@contextmanager
def in_eval_mode(*modules: nn.Module) -> Iterator[None]:
    """Within it the modules are in eval mode; every part's mode is put back."""
    modes = [(part, part.training) for module in modules for part in module.modules()]
    for module in modules:
        module.eval()
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training


@contextmanager
def fixed_noise(device: torch.device, seed: int) -> Iterator[None]:
    """Within it torch's global generators start from a seed; their state is put back.

    For models that draw without being given a generator, as `draw_codes` of a VAE does.

    Args:
        device: whose generator it is, besides the CPU's.
        seed: at least 0.
    """
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices):
        # not torch.manual_seed, which also seeds devices whose state is not put back here
        torch.default_generator.manual_seed(seed)
        for cuda in devices:
            with torch.cuda.device(cuda):
                torch.cuda.manual_seed(seed)
        yield
