"""Uses modules without leaving a trace in them, or in torch's global random numbers."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from hawc.threads import ThreadLock

__all__ = ["fixed_noise", "in_eval_mode"]


_modes_lock, _noise_lock = ThreadLock(), ThreadLock()
_modes_before: dict[int, tuple[bool, int]] = {}  # of parts in eval mode here: mode, contexts


@contextmanager
def in_eval_mode(*modules: nn.Module) -> Iterator[None]:
    """Within it the modules are in eval mode; every part's mode is restored.

    Where several threads use a module, the last one to leave restores its mode. A part with one
    mode only stays in it: an exported program, or a frozen TorchScript module.
    """
    every = [part for module in modules for part in module.modules() if hasattr(part, "training")]
    parts = {id(part): part for part in every}
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
    """Within it torch's global generators start from a seed; their state is restored.

    For models that sample without being given a generator, as `sample_latents` of a VAE does. The
    generators are those of the CPU and of every CUDA device in use: what a function computes on is
    not known before it is called. They belong to all threads, so one thread at a time is within.

    Args:
        seed: at least 0.
    """
    # not torch.manual_seed, which also seeds devices whose state is not restored here
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
