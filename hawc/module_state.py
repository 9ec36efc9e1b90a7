"""Contexts that put modules in eval mode, or seed torch's global generators."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from hawc.threads import ThreadLock

__all__ = ["fixed_noise", "in_eval_mode"]

_modes_lock, _noise_lock = ThreadLock(), ThreadLock()
_modes_before: dict[int, tuple[bool, int]] = {}  # by id of the submodule: its mode, contexts in use


@contextmanager
def in_eval_mode(*modules: nn.Module) -> Iterator[None]:
    """Put modules in eval mode within the context, then restore all their modes.

    If several threads use a module, the last one to leave restores its mode. Exported programs and
    frozen TorchScript modules have one mode only and keep it.
    """
    nested = (part for module in modules for part in module.modules())
    parts = {id(part): part for part in nested if hasattr(part, "training")}
    with _modes_lock:
        for key, part in parts.items():
            mode, contexts = _modes_before.get(key, (part.training, 0))
            _modes_before[key] = mode, contexts + 1
    try:
        with _modes_lock:
            for module in modules:
                _switch_to_eval(module)
        yield
    finally:
        with _modes_lock:
            for key, part in parts.items():
                mode, contexts = _modes_before.pop(key)
                if contexts > 1:
                    _modes_before[key] = mode, contexts - 1
                else:
                    part.training = mode


@contextmanager
def fixed_noise(seed: int) -> Iterator[None]:
    """Seed torch's global generators within the context, then restore their states.

    For models that take no generator, such as `sample_latents` of a VAE. The generators are those
    of the CPU and of every CUDA device in use, since the device of a function is unknown before its
    call. All threads share them, so only one thread at a time enters the context.

    Args:
        seed: at least 0.
    """
    # torch.manual_seed would also seed devices whose states are not restored here
    generators = (torch.default_generator, *torch.cuda.default_generators)
    with _noise_lock:
        states = [generator.get_state() for generator in generators]
        try:
            for generator in generators:
                generator.manual_seed(seed)
            yield
        finally:
            for generator, state in zip(generators, states, strict=True):
                generator.set_state(state)


def _switch_to_eval(module: nn.Module) -> None:
    try:
        module.eval()
    except NotImplementedError:  # torch.export's modules, and modules around them
        module.training = False
        for child in module.children():
            _switch_to_eval(child)
