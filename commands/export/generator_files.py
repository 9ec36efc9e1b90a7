"""Writes a trained generator to files that need no training code."""

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
from commands.run.folder import claim
from hawc.io.files import atomic_write
from hawc.io.folders import foreign_file
from lightning_modules.base.adversarial import AbstractAdversarial
from lightning_modules.base.autoencoder import AbstractAutoencoder

__all__ = ["check_exportable", "check_free", "write_generator"]

_VERSIONED = ("hawc", "lightning", "torch")
_FORMAT = "hawc generator 1"
_WEIGHTS, _PROGRAM = "generator.safetensors", "generator.pt2"
_NUM_CHECKED = 3  # latents; not the number that the program is traced with


def check_exportable(model: LightningModule) -> None:
    """Raises UsageError unless the model is an autoencoder or generates from latents."""
    if not isinstance(model, AbstractAdversarial | AbstractAutoencoder):
        raise UsageError(
            "`model` must be an autoencoder or generate images from latents for `export`, got "
            f"{type(model).__name__}."
        )


def check_free(folder: Path) -> None:
    """Raises UsageError unless the folder is new, empty or of an export that was killed.

    An export writes generator.json last, so a folder without it is unfinished.
    """
    if folder.exists() and (not folder.is_dir() or foreign_file(folder, (_WEIGHTS, _PROGRAM))):
        raise UsageError(
            f"`output` must be new or empty, got '{folder}'; name another one with --output, or "
            "remove it."
        )


def write_generator(
    model: LightningModule, folder: Path, metadata: dict[str, Any], with_program: bool
) -> list[Path]:
    """Writes the files of a generator and returns their paths, generator.json last.

    - generator.safetensors: the weights of the network.
    - generator.json: class and arguments of the network, the formula of the images, the prior.
    - generator.pt2: `decode` as a program of ``torch.export``, which needs only torch.

    Args:
        model: accepted by `check_exportable`, with its weights, on the CPU; stays in eval mode.
        folder: accepted by `check_free`.
        metadata: further entries of generator.json.
        with_program: whether generator.pt2 is written.

    Raises:
        UsageError: if the folder cannot be written, or the network cannot be exported.
    """
    model.eval()
    role = "generator" if isinstance(model, AbstractAdversarial) else "decoder"
    network = getattr(model, role)
    # copies: the format has no tensors that share memory
    weights = {name: value.clone().contiguous() for name, value in network.state_dict().items()}
    contents = {
        _WEIGHTS: save(weights, {"format": "pt"}),
        **({_PROGRAM: _program(model)} if with_program else {}),
    }
    description = {
        "format": _FORMAT,
        **metadata,
        "model": type(model).__name__,
        "network": _factory(model, role),
        "images": _formula(model),
        "shape": list(model.image_shape),
        "latent_dim": model.prior.dim,
        "prior": repr(model.prior),
        "sha256": {name: hashlib.sha256(data).hexdigest() for name, data in contents.items()},
        "versions": {d.name: d.version for d in distributions() if d.name in _VERSIONED},
    }
    # last: if it exists, all files are complete
    contents["generator.json"] = f"{json.dumps(description, indent=1)}\n".encode()
    _take(folder)
    for name, content in contents.items():
        with atomic_write(folder / name) as file:
            file.write(content)
    return [folder / name for name in contents]


def _take(folder: Path) -> None:
    """Creates and locks a folder, and removes what a killed export left there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not claim(folder):
            raise UsageError(f"`output` '{folder}' is in use by another export; wait for it.")
        check_free(folder)  # again, now that no other export can change it
        for left in folder.iterdir():
            left.unlink()
    except OSError as error:
        raise UsageError(
            f"`output` must be a writable folder, got '{folder}' ({error.strerror}); name another "
            "one with --output."
        ) from error


def _factory(model: AbstractAdversarial | AbstractAutoencoder, role: str) -> dict[str, Any] | None:
    """Returns class and arguments of the network; None for a Python function."""
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
    """A module whose forward pass is the model's `decode`."""

    def __init__(self, model: AbstractAdversarial | AbstractAutoencoder) -> None:
        super().__init__()
        self.network = model.generator if isinstance(model, AbstractAdversarial) else model.decoder
        self._decode = model.decode

    def forward(self, z: Tensor) -> Tensor:
        return self._decode(z)


def _program(model: AbstractAdversarial | AbstractAutoencoder) -> bytes:
    """Returns a program that equals `decode` bit by bit, for any number of latents."""
    latents = torch.linspace(-1, 1, _NUM_CHECKED * model.latent_dim).view(_NUM_CHECKED, -1)
    written = io.BytesIO()
    try:
        with torch.no_grad(), _quiet():
            expected = model.decode(latents)
            program = torch.export.export(
                _Decoding(model), (latents[:2],), dynamic_shapes=({0: torch.export.Dim("n")},)
            )
            torch.export.save(program, written)
            result = torch.export.load(io.BytesIO(written.getvalue())).module()(latents)
    except Exception as error:  # a user's network may raise anything
        raise _not_a_program(model, str(error).partition("\n")[0]) from error
    if not torch.equal(result, expected):
        raise _not_a_program(model, "its images would differ")
    return written.getvalue()


def _not_a_program(model: LightningModule, reason: str) -> UsageError:
    return UsageError(
        f"`program` needs a network that torch.export accepts, got that of {type(model).__name__} "
        f"({reason}); leave it out with --program false."
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Hides messages of torch about its internals."""
    logger = logging.getLogger("torch.export")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
