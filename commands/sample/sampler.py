"""Builds the sampler of `sample` and its descriptions for manifest and gallery."""

import hashlib
import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, final

import torch
from jaxtyping import Float
from lightning import LightningDataModule, LightningModule
from torch import Tensor, nn

from callbacks.base.decoding import decode, evaluating
from commands.errors import UsageError
from hawc import Empirical
from hawc.history import Recorded
from hawc.samplers import AbstractSampler, Features, LatentsWithFeatures
from lightning_modules.interface import LatentGenerator, TrainingExamples, provides
from metrics import extract_features

__all__ = ["SUPPLIED", "ConfiguredSampler", "RealFeatures", "build_sampler"]

SUPPLIED = ("history", "decode", "data")
"""Arguments of samplers that the command supplies; the command line does not take them."""

_NUM_REAL = 4000


@final
@dataclass(frozen=True)
class RealFeatures:
    """Identifies the features of training examples in a gallery.

    The features are named by what they are computed from: their bits differ between machines.

    Args:
        network: class, settings and digest of the weights.
        examples: class of the data, number and digest.
        dim: the number of features.
    """

    network: str
    examples: str
    dim: int


@final
@dataclass(frozen=True)
class ConfiguredSampler:
    """A sampler and its descriptions.

    Args:
        sampler: has an empty history.
        rows: what a gallery records of it.
        description: entries of the manifest.
    """

    sampler: AbstractSampler
    rows: Recorded
    description: dict[str, Any]


def build_sampler(
    factory: Callable[..., AbstractSampler],
    model: LatentGenerator,
    datamodule: LightningDataModule | None,
    num_real: int | None,
    device: torch.device,
) -> ConfiguredSampler:
    """Builds a sampler of a model's latents.

    A sampler with an argument `features` compares images. It also gets `decode`, the model's, and
    `data`, the distribution of the features of training examples; None for the model's own.

    Args:
        factory: a class, or a partial of one with the arguments that the user gave.
        model: has its weights.
        datamodule: holds the training examples.
        num_real: training examples to take; 4,000 if None. With 0 `data` is None.
        device: computes their features.

    Raises:
        UsageError: if an argument is missing, superfluous or out of its range, or the sampler does
            not suit the model or the data.
    """
    network = _arguments(factory).get("features")
    if network is None:
        if num_real is not None:
            raise UsageError(
                f"`num_real` is for a sampler that compares images, got {num_real} without one; "
                "leave it out or name --sampler FeatureSampler."
            )
        sampler = _built(factory, model)
        return ConfiguredSampler(sampler, sampler.rows, _description(factory, sampler))
    if num_real == 0:
        return _without_examples(factory, model, network, device)
    examples = _training_examples(datamodule, _NUM_REAL if num_real is None else num_real)
    data = Empirical(_features(network, examples, device))
    sampler = _built(factory, model, decode=model.decode, data=data)
    kind = type(datamodule).__name__
    real = RealFeatures(
        network=_name(network),
        examples=f"{len(examples)} of {kind} sha256={_digest('', examples)}",
        dim=data.dim,
    )
    description = {**_description(factory, sampler), "real_examples": real.examples}
    return ConfiguredSampler(sampler, LatentsWithFeatures(model.prior, real), description)


def _without_examples(
    factory: Callable[..., AbstractSampler],
    model: LatentGenerator,
    network: Any,
    device: torch.device,
) -> ConfiguredSampler:
    """Returns a sampler that compares with the distribution of the model itself."""
    assert isinstance(model, LightningModule)
    with evaluating(model):
        image = decode(model, torch.zeros(1, model.prior.dim)).cpu()
    dim = _features(network, image, device).shape[1]
    name = _arguments(factory).get("features_name") or _name(network)
    takes_name = "features_name" in inspect.signature(_class_of(factory)).parameters
    named = {"features_name": name} if takes_name else {}
    sampler = _built(factory, model, decode=model.decode, data=None, **named)
    description = {**_description(factory, sampler), "real_examples": "none"}
    return ConfiguredSampler(
        sampler, LatentsWithFeatures(model.prior, Features(dim, name)), description
    )


def _built(
    factory: Callable[..., AbstractSampler], model: LatentGenerator, **supplied: Any
) -> AbstractSampler:
    try:
        return factory(model.prior, **supplied)
    except ValueError as error:
        raise UsageError(f"`sampler` cannot be built: {error}") from error


def _training_examples(datamodule: LightningDataModule | None, n: int) -> Float[Tensor, "n ..."]:
    if n < 1:
        raise UsageError(f"`num_real` must be at least 0, got {n}.")
    if datamodule is None or not provides(datamodule, TrainingExamples):
        raise UsageError(
            "`data` must have `train_examples(n)` for a sampler that compares images, as the data "
            f"modules here do, got {type(datamodule).__name__}."
        )
    datamodule.prepare_data()
    datamodule.setup("fit")
    return datamodule.train_examples(n)


def _features(
    network: Any, examples: Float[Tensor, "n ..."], device: torch.device
) -> Float[Tensor, "n f"]:
    if not isinstance(network, nn.Module):
        raise UsageError(
            f"`sampler.features` must be a torch.nn.Module, got {type(network).__name__}; wrap it "
            "in a module whose forward calls it."
        )
    network.requires_grad_(False)
    try:
        extract_features(network, examples[:1])
    except (TypeError, ValueError, RuntimeError) as error:
        raise UsageError(
            "`sampler.features` must take the images, of shape "
            f"{tuple(examples.shape[1:])}: {error}"
        ) from error
    return extract_features(network.to(device), examples.to(device)).cpu()


def _arguments(factory: Callable[..., AbstractSampler]) -> Mapping[str, Any]:
    return getattr(factory, "keywords", {})  # of a functools.partial


def _class_of(factory: Callable[..., AbstractSampler]) -> Callable[..., AbstractSampler]:
    """Returns the class behind a partial, which may have it as an argument."""
    parts = (getattr(factory, "func", factory), *getattr(factory, "args", ()))
    return next((part for part in parts if isinstance(part, type)), factory)


def _description(
    factory: Callable[..., AbstractSampler], sampler: AbstractSampler
) -> dict[str, Any]:
    """Returns class path and arguments, without those that have their default."""
    parameters = inspect.signature(type(sampler)).parameters
    given = {name: _as_json(value) for name, value in _arguments(factory).items()}
    changed = {
        name: value
        for name, value in given.items()
        if name not in parameters or value != parameters[name].default
    }
    return {"sampler": {"class_path": _class_path(type(sampler)), "init_args": changed}}


def _as_json(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [_as_json(part) for part in value]
    if isinstance(value, Mapping):
        return {str(key): _as_json(part) for key, part in value.items()}
    if isinstance(value, nn.Module):
        return _name(value)
    # the default text holds an address, which changes from run to run
    return _class_path(type(value)) if type(value).__repr__ is object.__repr__ else repr(value)


def _class_path(kind: type) -> str:
    package = sys.modules[kind.__module__.partition(".")[0]]
    is_exported = getattr(package, kind.__name__, None) is kind
    return f"{package.__name__ if is_exported else kind.__module__}.{kind.__qualname__}"


def _name(network: nn.Module) -> str:
    # buffers too, and also those outside the state dict: the weights of the networks here
    weights = (*network.parameters(), *network.buffers())
    settings = " ".join(f"{type(network).__name__}({network.extra_repr()})".split())
    return f"{settings} sha256={_digest(repr(network), *weights)}"


def _digest(text: str, *tensors: Float[Tensor, "..."]) -> str:
    state = hashlib.sha256(text.encode())
    for tensor in tensors:
        state.update(str((tensor.dtype, tuple(tensor.shape))).encode())
        state.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return state.hexdigest()[:12]
