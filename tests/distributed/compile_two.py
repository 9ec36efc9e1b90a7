"""Trains in two processes with compiled networks and without; started by test_compiled.py."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from lightning import Callback, seed_everything
from torch import Tensor
from torch._dynamo import register_backend

from callbacks import CompiledNetworks
from tests.helpers import TinyImages, quiet_trainer, tiny_wgan, weights

COMPILED: list[torch.fx.GraphModule] = []


def counting(graph: torch.fx.GraphModule, examples: list[Tensor]) -> Callable[..., Any]:
    """Counts compilations and changes nothing."""
    COMPILED.append(graph)
    return graph.forward


def train(folder: Path, *callbacks: Callback) -> dict[str, Tensor]:
    """Returns the weights after six steps."""
    seed_everything(0, verbose=False)
    module = tiny_wgan()
    trainer = quiet_trainer(
        folder,
        max_epochs=2,
        devices=2,
        strategy="ddp_find_unused_parameters_true",
        callbacks=list(callbacks),
    )
    trainer.fit(module, TinyImages(batch_size=12))
    return weights(module)


def main(folder: Path) -> None:
    register_backend(counting, name="counting")  # type: ignore[no-untyped-call]
    plain = train(folder)
    compiled = train(folder, CompiledNetworks(backend="counting"))
    found = {"plain": plain, "compiled": compiled, "compilations": len(COMPILED)}
    torch.save(found, folder / f"rank-{torch.distributed.get_rank()}.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
