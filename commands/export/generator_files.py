"""A trained generator as files that others load without this repository's training code."""

import hashlib
import io
import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import distributions
from pathlib import Path
from typing import Any, final

import torch
from lightning import LightningModule
from safetensors.torch import save
from torch import Tensor, nn

from commands.errors import UsageError
from commands.sample.files import replace_file
from lightning_modules.base.adversarial import AbstractAdversarial
from lightning_modules.base.autoencoder import AbstractAutoencoder

__all__ = ["check_exportable", "check_free", "write_generator"]

_VERSIONED = ("hawc", "lightning", "torch")
_FORMAT = "hawc generator 1"
_CHECKED = 3  # latents; another number than the program is traced with


def check_exportable(model: LightningModule) -> None:
    """Raises UsageError unless the model decodes latents by one network and a known formula."""
    if not isinstance(model, AbstractAdversarial | AbstractAutoencoder):
        raise UsageError(
            "`model` must be an autoencoder or a generator fed with latents to be exported, got "
            f"{type(model).__name__}."
        )


def check_free(folder: Path) -> None:
    """Raises UsageError unless the folder is new or empty."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(
            f"`output` must be new or empty, got '{folder}'; name another one with --output, or "
            "remove it."
        )


def write_generator(
    model: LightningModule, folder: Path, told: dict[str, Any], with_program: bool
) -> list[Path]:
    """Writes what decodes latents; returns the files, generator.json last.

    generator.safetensors holds the weights of the network, generator.json says which network that
    is, what its output stands for and which distribution latents follow, and generator.pt2 is the
    whole of `decode` as a program of ``torch.export``, which needs no code but torch's.

    Args:
        model: that `check_exportable` passes, with its weights, on the CPU; left in eval mode.
        folder: that `check_free` passes.
        told: what else generator.json is to say.
        with_program: whether generator.pt2 is written.

    Raises:
        UsageError: if the folder cannot be written, or the network cannot be made a program.
    """
    model.eval()
    role = "generator" if isinstance(model, AbstractAdversarial) else "decoder"
    network = getattr(model, role)
    # copies: the format has no tensors that share their numbers
    weights = {name: value.clone().contiguous() for name, value in network.state_dict().items()}
    contents = {
        "generator.safetensors": save(weights, {"format": "pt"}),
        **({"generator.pt2": _program(model)} if with_program else {}),
    }
    description = {
        "format": _FORMAT,
        **told,
        "model": type(model).__name__,
        "network": _factory(model, role),
        "images": _formula(model),
        "shape": list(model.image_shape),
        "latent_dim": model.prior.dim,
        "prior": repr(model.prior),
        "sha256": {name: hashlib.sha256(data).hexdigest() for name, data in contents.items()},
        "versions": {d.name: d.version for d in distributions() if d.name in _VERSIONED},
    }
    # last: where it is, everything is
    contents["generator.json"] = f"{json.dumps(description, indent=1)}\n".encode()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"`output` must be a folder that can be written, got '{folder}' ({error.strerror}); "
            "name another one with --output."
        ) from error
    for name, content in contents.items():
        replace_file(folder / name, content)
    return [folder / name for name in contents]


def _factory(model: AbstractAdversarial | AbstractAutoencoder, role: str) -> dict[str, Any] | None:
    """Returns the class to build of shape, latent_dim and these; None if Python gave a function."""
    factory = model.hparams.get(role)
    if factory is None:
        return None
    return {
        "class_path": factory["class_path"],
        "init_args": dict(factory.get("init_args") or {}),
    }


def _formula(model: AbstractAdversarial | AbstractAutoencoder) -> str:
    if len(model.image_shape) != 3:
        return "network(z)"
    if isinstance(model, AbstractAdversarial):
        return "(tanh(network(z)) + 1) / 2"
    return "sigmoid(network(z))"


@final
class _Decoding(nn.Module):
    """`decode` as the only thing that a model does."""

    def __init__(self, model: AbstractAdversarial | AbstractAutoencoder) -> None:
        super().__init__()
        self.network = model.generator if isinstance(model, AbstractAdversarial) else model.decoder
        self._decode = model.decode

    def forward(self, z: Tensor) -> Tensor:
        return self._decode(z)


def _program(model: AbstractAdversarial | AbstractAutoencoder) -> bytes:
    """Returns a program that makes of any number of latents what the model makes, bit by bit."""
    latents = torch.linspace(-1, 1, _CHECKED * model.latent_dim).view(_CHECKED, -1)
    written = io.BytesIO()
    try:
        with torch.no_grad(), _quiet():
            expected = model.decode(latents)
            program = torch.export.export(
                _Decoding(model), (latents[:2],), dynamic_shapes=({0: torch.export.Dim("n")},)
            )
            torch.export.save(program, written)
            found = torch.export.load(io.BytesIO(written.getvalue())).module()(latents)
    except Exception as error:  # a network of anybody's may fail in any way
        raise _not_a_program(model, str(error).partition("\n")[0]) from error
    if not torch.equal(found, expected):
        raise _not_a_program(model, "it would make other images")
    return written.getvalue()


def _not_a_program(model: LightningModule, reason: str) -> UsageError:
    return UsageError(
        f"`program` cannot be made of the network of {type(model).__name__} ({reason}); leave it "
        "out with --program false."
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps what torch says of its own inner workings off the screen."""
    logger = logging.getLogger("torch.export")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
