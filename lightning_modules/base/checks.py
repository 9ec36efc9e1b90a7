"""Checks of constructor arguments and of batches, shared by all models.

Each message of a batch names what the data serve, what the model requires and how to convert it.
"""

import math
from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any, NoReturn, final, get_args

import torch
from lightning import LightningModule
from torch import Tensor

from lightning_modules.base.errors import TrainingError
from lightning_modules.base.image_range import is_image
from lightning_modules.interface import ImageShape

__all__ = [
    "BatchContract",
    "check_at_least_one",
    "check_choice",
    "check_positive",
    "check_sizes",
    "forget_callables",
]


def check_at_least_one(name: str, value: int) -> None:
    """Raises ValueError unless the argument called `name` is at least 1."""
    if value < 1:
        raise ValueError(f"`{name}` must be at least 1, got {value}; give a positive integer.")


def check_positive(name: str, value: float, advice: str) -> None:
    """Raises ValueError unless the argument called `name` is > 0.

    Args:
        name: of the argument.
        value: of the argument.
        advice: ends the message, e.g. the paper's value.
    """
    if not value > 0:  # nor NaN
        raise ValueError(f"`{name}` must be > 0, got {value}; {advice}.")


def check_choice(name: str, value: str, choices: object) -> None:
    """Raises ValueError unless the argument called `name` is a value of a Literal."""
    if value not in get_args(choices):
        *most, last = (f'"{choice}"' for choice in get_args(choices))
        raise ValueError(f"`{name}` must be {', '.join(most)} or {last}, got {value!r}.")


def check_sizes(image_shape: ImageShape, latent_dim: int) -> None:
    """Raises ValueError unless `latent_dim` >= 1 and the shape is of an image or row."""
    check_at_least_one("latent_dim", latent_dim)
    sides = image_shape if isinstance(image_shape, Sequence) else ()
    is_known = len(sides) in (1, 3) and all(isinstance(n, Integral) and n >= 1 for n in sides)
    if not is_known:
        raise ValueError(
            "`image_shape` must be positive integers, (channels, height, width) of an image or "
            f"(features,) of a row, got {image_shape}; the data module must know it before `setup`."
        )


def forget_callables(module: LightningModule) -> None:
    """Deletes factories from the saved hyperparameters of a module built in Python.

    The command line saves a factory as its class path and arguments. A factory object could only be
    loaded from a checkpoint by running code of the file, and not every one can be pickled.
    """
    # loggers get the initial ones, a private attribute that test_checks.py covers
    for kept in (module.hparams, module._hparams_initial):
        for name in [name for name, value in kept.items() if callable(value)]:
            del kept[name]


_ROUNDING = 1e-3  # permitted beyond [0, 1]: rounding of scaling there and back in float32
_SHOWN = 100  # characters of a batch's keys or types in a message


@final
class BatchContract:
    """Checks the batches of one model.

    A batch is a tuple or list (examples, ...), or (a, b) of two domains. Examples are finite floats
    of the shape (n, *image_shape) with n >= 1. Images are in [0, 1]; rows are any finite numbers.
    docs/adding-a-data-set.md states the same contract.

    Args:
        image_shape: (channels, height, width) of an image, (features,) of a row.
        model: class name of the model, for messages.
        num_domains: 1, or 2 for batches (a, b).
    """

    def __init__(self, image_shape: ImageShape, model: str, num_domains: int = 1) -> None:
        self._image_shape = tuple(image_shape)
        self._model = model
        self._num_domains = num_domains
        self._were_values_checked = False

    def examples(self, batch: Any) -> tuple[Tensor, ...]:
        """Returns the examples of each domain in a batch.

        Values are checked in the first batch only: on a GPU the check waits for all work.

        Raises:
            TrainingError: if the batch, or a value in the first one, is not as required.
        """
        if not self._were_values_checked:
            self.check(batch)
            self._were_values_checked = True
        return self._domains(batch, "")

    def check(self, batch: Any, source: str = "", dtype: torch.dtype | None = None) -> None:
        """Raises TrainingError unless the batch and each value in it are as required.

        Args:
            batch: of any type.
            source: name of its loader, for the message.
            dtype: required of examples; any floating one if None.
        """
        for examples in self._domains(batch, source):
            if dtype is not None and examples.dtype != dtype:
                kind = str(dtype).removeprefix("torch.")
                self._refuse(f"{examples.dtype}", f"convert them to {kind}", source)
            low, high = (float(bound) for bound in torch.aminmax(examples.detach()))
            if not (math.isfinite(low) and math.isfinite(high)):
                self._refuse("values that are not finite", "replace or leave them out", source)
            is_in_range = low >= -_ROUNDING and high <= 1 + _ROUNDING
            if is_image(self._image_shape) and not is_in_range:
                self._refuse(f"values from {low:.4g} to {high:.4g}", _rescaling(low, high), source)

    def _domains(self, batch: Any, source: str) -> tuple[Tensor, ...]:
        """Returns the examples of each domain; checks only types and shapes."""
        num, is_tuple = self._num_domains, isinstance(batch, (tuple, list))
        is_whole = is_tuple and (len(batch) == num if num > 1 else len(batch) > 0)
        domains = tuple(batch[:num]) if is_whole else ()
        if not domains or not all(isinstance(examples, Tensor) for examples in domains):
            self._refuse(_kind(batch), f"return {self._tuple} from `data`'s loaders", source)
        for examples in domains:
            if examples.shape[1:] != self._image_shape or not len(examples):
                remedy = "set `image_shape` to the data's, or reshape them"
                self._refuse(f"the shape {tuple(examples.shape)}", remedy, source)
            if examples.layout != torch.strided:
                self._refuse(f"{examples.layout}", "make them dense by `x.to_dense()`", source)
            if examples.is_floating_point() and examples.element_size() < 2:
                self._refuse(f"{examples.dtype}", "convert them by `x.float()`", source)
            if not examples.is_floating_point():
                remedy = "convert them, uint8 images by `x.float() / 255`"
                self._refuse(f"{examples.dtype}", remedy, source)
        return domains

    def _refuse(self, got: str, remedy: str, source: str) -> NoReturn:
        of_images = is_image(self._image_shape)
        kind = "images in [0, 1]" if of_images else "rows of finite numbers"
        shape = ", ".join(map(str, ("n", *self._image_shape)))
        raise TrainingError(
            f"`data` must serve {self._model} batches {self._tuple} with float32 {kind} of the "
            f"shape ({shape}), got {got}{source and f' from {source}'}; {remedy}."
        )

    @property
    def _tuple(self) -> str:
        if self._num_domains == 2:
            return "(a, b)"
        return "(images, labels)" if is_image(self._image_shape) else "(rows, labels)"


def _kind(batch: Any) -> str:
    """Returns a description of a batch of the wrong kind."""
    if isinstance(batch, Mapping):
        return f"a {type(batch).__name__} with the keys {', '.join(map(str, batch))[:_SHOWN]}"
    if isinstance(batch, Tensor):
        return f"a single tensor of the shape {tuple(batch.shape)}"
    if isinstance(batch, (tuple, list)):
        types = ", ".join(type(part).__name__ for part in batch)
        return f"a {type(batch).__name__} of ({types[:_SHOWN]})"
    return f"a {type(batch).__name__}"


def _rescaling(low: float, high: float) -> str:
    """Returns advice on how to bring images of this range to [0, 1]."""
    if low >= 0 and high <= 255:
        return "divide them by 255"
    if low >= -1 - _ROUNDING and high <= 1 + _ROUNDING:
        return "leave out the normalization to [-1, 1], or undo it by `(x + 1) / 2`"
    return "leave out a normalization, scale or clamp them"
