"""Networks translated into fewer, larger kernels before they train."""

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
"""What torch.compile calls so; `max-autotune` and `reduce-overhead` use CUDA graphs on a GPU."""

_COMPILATIONS = 8  # torch's limit for a function, here for each network


@final
class CompiledNetworks(AbstractModelCallback):
    """Compiles a model's networks by torch.compile, in place, when training starts.

    Modules, names of weights and checkpoints stay what they are, so runs with and without it resume
    each other; results agree up to rounding. A network is compiled when it is first called, and
    again for each other way of being called: with other batch sizes (the second time for all),
    moved or frozen, in training or evaluation. So there are a few compilations for a network,
    some ten seconds to a minute in all, and none after the first epochs. What is called past a
    network, as EBGAN does with its critic's encoder in generator steps, runs as it is.

    On a CPU it is not worth while: a step of a DCGAN takes as long within a few per cent, one of
    fully connected networks a tenth longer (benchmarks/training_speed.py). It is meant for GPUs.

    A loss with a gradient penalty differentiates its critic twice, which compiled networks cannot:
    the critic of WGANGP stays as it is.

    Args:
        networks: attributes of the model, such as generator, critic, encoder or decoder; None: all
            that can be compiled.
        mode: of torch.compile; None: its default.
        backend: of torch.compile.

    Raises:
        ValueError: if `mode` or `backend` is unknown, or (when a run starts) if `networks` are not
            the model's or cannot be compiled, or there is no C++ compiler.
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
                f"`backend` must be one that torch.compile knows, got {backend}; known: "
                f"{', '.join(torch.compiler.list_backends())}."  # type: ignore[no-untyped-call]
            )
        if mode is not None and mode not in get_args(Mode):
            raise ValueError(f"`mode` must be one of {', '.join(get_args(Mode))}, got {mode}.")
        self._networks = networks
        self._mode = mode
        self._backend = backend

    @property
    def needs(self) -> type:
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
            return  # a pass or two take less time than to compile
        known, refused = model_networks(pl_module), _refused(pl_module)
        if self._networks is None and refused:
            rank_zero_info(
                f"CompiledNetworks leaves out {', '.join(refused)}: {type(pl_module).__name__} "
                "differentiates it twice, which torch.compile cannot."
            )
        for name in self._networks or [name for name in known if name not in refused]:
            for network in called_networks(known[name]):
                network.compile(mode=self._mode, backend=self._backend)
        # they all run by the one function that torch counts compilations of
        config = torch.compiler.config
        num_called = sum(1 for network in known.values() for _ in called_networks(network))
        config.recompile_limit = max(config.recompile_limit, _COMPILATIONS * num_called)


def _refused(module: LightningModule) -> Sequence[str]:
    return module.double_backward_networks if provides(module, DoubleBackward) else ()


def _check_names(networks: list[str] | None, module: LightningModule) -> None:
    """Raises ValueError unless networks are of the model, at least one, and can be compiled."""
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
            f"`networks` must be of those that {model} trains, at least one, got {networks}; "
            f"known: {', '.join(known)}."
        )
    if twice := [name for name in networks if name in refused]:
        raise ValueError(
            f"`networks` must leave out what {model} differentiates twice, for torch.compile "
            f"cannot, got {', '.join(twice)}; possible: {free}."
        )


def _check_compiler() -> None:
    """Raises ValueError unless the compiler is there that torch.compile calls on a CPU."""
    usual = {"darwin": "clang++", "win32": "cl"}.get(sys.platform, "g++")
    compiler = os.environ.get("CXX", usual)
    if shutil.which(compiler) is None:
        raise ValueError(
            f"`backend` inductor needs a C++ compiler, found no {compiler}; install it, name "
            "another in the environment variable CXX or remove CompiledNetworks."
        )
