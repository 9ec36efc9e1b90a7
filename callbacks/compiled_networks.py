"""The networks of a model, compiled by torch.compile."""

import os
import shutil
import sys
from collections.abc import Sequence
from typing import Literal, final, get_args

import torch
from lightning import Callback, LightningDataModule, LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_info

from callbacks.base.model_callback import AbstractModelCallback
from callbacks.base.model_networks import called_networks, model_networks
from lightning_modules.interface import DoubleBackward, provides

__all__ = ["CompiledNetworks", "Mode"]

Mode = Literal["default", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs"]
"""A mode of torch.compile; `max-autotune` and `reduce-overhead` use CUDA graphs on a GPU."""

_COMPILATIONS = 8  # per network; torch's limit per function


@final
class CompiledNetworks(AbstractModelCallback):
    """Compiles the networks of a model by torch.compile when training starts.

    Networks are compiled in place: modules, names of weights and checkpoints do not change. Runs
    with and without the callback can resume each other. Their results agree up to rounding.

    A network is compiled at its first call, and again for each other kind of call: other batch
    sizes (the second time for all), another device, frozen weights, training or evaluation. This
    takes ten seconds to a minute in total, within the first epochs. Calls that bypass the
    network's `forward` are not compiled, such as those of EBGAN to its critic's encoder.

    The callback is meant for GPUs. On a CPU a step of a DCGAN takes the same time within a few per
    cent. A step of fully connected networks takes a tenth longer (benchmarks/training_speed.py).

    A gradient penalty differentiates its critic twice, which torch.compile does not support: the
    critic of WGANGP is not compiled.

    Args:
        networks: attributes of the model, such as generator, critic, encoder or decoder; None for
            all that can be compiled.
        mode: mode of torch.compile; None for its default.
        backend: backend of torch.compile.

    Raises:
        ValueError: if `mode` or `backend` is unknown, or (when a run starts) if `networks` are not
            the model's or cannot be compiled, or if there is no C++ compiler.
    """

    def __init__(
        self,
        networks: list[str] | None = None,
        mode: Mode | None = None,
        backend: str = "inductor",
    ) -> None:
        known = torch.compiler.list_backends(())  # type: ignore[no-untyped-call]
        if backend not in known:
            raise ValueError(
                f"`backend` must be known to torch.compile, got {backend}; known: "
                f"{', '.join(torch.compiler.list_backends())}."  # type: ignore[no-untyped-call]
            )
        if mode is not None and mode not in get_args(Mode):
            raise ValueError(f"`mode` must be one of {', '.join(get_args(Mode))}, got {mode}.")
        self._networks = networks
        self._mode = mode
        self._backend = backend

    @property
    def model_protocol(self) -> type:
        return object  # networks of any name

    def check_model(self, module: LightningModule) -> None:
        super().check_model(module)
        _check_names(self._networks, module)

    def check_surroundings(
        self, callbacks: Sequence[Callback], datamodule: LightningDataModule | None
    ) -> None:
        if self._backend == "inductor" and not torch.accelerator.is_available():
            _check_compiler()

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        super().setup(trainer, pl_module, stage)
        if stage != "fit":
            return  # compiling would take longer than an evaluation
        known, refused = model_networks(pl_module), _refused(pl_module)
        if self._networks is None and refused:
            rank_zero_info(
                f"CompiledNetworks leaves out {', '.join(refused)}: {type(pl_module).__name__} "
                "differentiates it twice, which torch.compile does not support."
            )
        for name in self._networks or [name for name in known if name not in refused]:
            for network in called_networks(known[name]):
                network.compile(mode=self._mode, backend=self._backend)
        # torch counts the compilations of all networks together, as those of one function
        config = torch.compiler.config
        num_called = sum(1 for network in known.values() for _ in called_networks(network))
        config.recompile_limit = max(config.recompile_limit, _COMPILATIONS * num_called)


def _refused(module: LightningModule) -> Sequence[str]:
    return module.double_backward_networks if provides(module, DoubleBackward) else ()


def _check_names(networks: list[str] | None, module: LightningModule) -> None:
    """Raises ValueError if a named network is not the model's or cannot be compiled."""
    known, refused = list(model_networks(module)), _refused(module)
    free = ", ".join(name for name in known if name not in refused)
    model = type(module).__name__
    if not free:
        raise ValueError(
            f"CompiledNetworks needs a model with networks, got {model}; remove the callback."
        )
    if networks is None:
        return
    if not networks or not set(networks) <= set(known):
        raise ValueError(
            f"`networks` must name at least one network that {model} trains, got {networks}; "
            f"known: {', '.join(known)}."
        )
    if twice := [name for name in networks if name in refused]:
        raise ValueError(
            f"`networks` must not name a network that {model} differentiates twice, got "
            f"{', '.join(twice)}; possible: {free}."
        )


def _check_compiler() -> None:
    """Raises ValueError unless the C++ compiler of torch.compile is installed."""
    usual = {"darwin": "clang++", "win32": "cl"}.get(sys.platform, "g++")
    compiler = os.environ.get("CXX", usual)
    if shutil.which(compiler) is None:
        raise ValueError(
            f"`backend` inductor needs a C++ compiler, got no {compiler}; install it, name another "
            "in the environment variable CXX or remove CompiledNetworks."
        )
