"""Protocols of models and data, and the types of the networks that models receive.

A protocol is a role: a model or data module that has its members can take that role, whatever its
class. Callbacks and commands check roles with `provides` before they use the members.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from hawc.samplers import AbstractSampler
from hawc.targets import AbstractTarget

if TYPE_CHECKING:
    from typing_extensions import TypeIs

__all__ = [
    "AdversarialPair",
    "Autoencoder",
    "BatchCheck",
    "ChecksBatches",
    "CriticSchedule",
    "DoubleBackward",
    "FeatureCritic",
    "HasColumns",
    "HasDensity",
    "HasImageShape",
    "HasModes",
    "ImageCritic",
    "ImageShape",
    "LatentGenerator",
    "NeedsDensity",
    "NetworkFactory",
    "SamplerFactory",
    "TrainingExamples",
    "Translator",
    "TwoDomains",
    "ValidationSplit",
    "member_names",
    "missing_members",
    "provides",
]

ImageShape = tuple[int, ...]
"""(channels, height, width) of an image in [0, 1]; (features,) of a standardized table row."""

NetworkFactory = Callable[[ImageShape, int], nn.Module]
"""Builds a network from (image_shape, latent_dim); in YAML a class_path and the other arguments."""

SamplerFactory = Callable[[AbstractTarget], AbstractSampler]
"""Builds a sampler for a target; in YAML a class_path and the other arguments."""

# Models


class LatentGenerator(Protocol):
    """A model that decodes latents and states their prior."""

    @property
    def prior(self) -> AbstractTarget:
        """The distribution of the latents that `decode` was trained for."""

    def decode(self, z: Tensor) -> Tensor:
        """Returns images in [0, 1] of shape (n, *image_shape) for latents (n, d)."""


class Autoencoder(LatentGenerator, Protocol):
    """A generator that also maps images to latents."""

    def encode(self, images: Tensor) -> Tensor:
        """Returns the most likely latents (n, d) of images (n, *image_shape)."""

    def sample_latents(self, images: Tensor) -> Tensor:
        """Returns latents (n, d) as in training; a VAE samples them anew at each call."""


class AdversarialPair(Protocol):
    """A model that trains a critic and a generator alternately and counts their steps."""

    @property
    def critic(self) -> nn.Module:
        """The network that scores images; several critics are held by one module."""

    @property
    def generator(self) -> nn.Module:
        """The network that generates images; several generators are held by one module."""

    @property
    def critic_step(self) -> int:
        """Steps of the critic so far."""

    @property
    def generator_step(self) -> int:
        """Steps of the generator so far."""

    @property
    def batch_count(self) -> int:
        """Batches so far."""

    def is_step_logged(self, network: Literal["critic", "generator"]) -> bool:
        """Returns whether a logger reads the values of the network's present step."""

    def gradient_scale(self, optimizer: Optimizer) -> float:
        """Returns the factor by which an optimizer's gradients are scaled before its step."""


class CriticSchedule(Protocol):
    """A model that knows how many critic steps precede each generator step."""

    def critic_steps_due(self, generator_step: int) -> int:
        """Returns the critic steps before a generator step, counted from 0."""


class ImageCritic(LatentGenerator, Protocol):
    """A generator with a critic that gives each image one score."""

    @property
    def image_shape(self) -> ImageShape:
        """The shape of one image, or of one table row."""

    @property
    def critic(self) -> nn.Module:
        """The network from images in its range to scores (n,) or (n, 1)."""

    def to_network_range(self, images: Tensor) -> Tensor:
        """Maps images from [0, 1] to the networks' [-1, 1]; table rows are unchanged."""

    def generate(self, z: Tensor) -> Tensor:
        """Returns images in the networks' range, or rows, for latents (n, d)."""


class FeatureCritic(Protocol):
    """A critic that also returns its hidden features, for feature matching."""

    def scores_and_features(self, images: Tensor) -> tuple[Tensor, Sequence[Tensor]]:
        """Returns scores (n, 1) and the features (n, ...) of each level."""


class Translator(Protocol):
    """A model that maps images, or rows, of two domains A and B to each other."""

    def translate_to_b(self, images: Tensor) -> Tensor:
        """Translates images (n, *image_shape) in [0, 1], or rows, from A to B."""

    def translate_to_a(self, images: Tensor) -> Tensor:
        """Translates images (n, *image_shape) in [0, 1], or rows, from B to A."""


class DoubleBackward(Protocol):
    """A model with a gradient penalty: some of its networks are differentiated twice."""

    @property
    def double_backward_networks(self) -> Sequence[str]:
        """The names of these networks; torch.compile cannot differentiate them twice."""


class NeedsDensity(Protocol):
    """A model that can only be fitted to data with a known density."""

    @property
    def needs_density(self) -> Literal[True]:
        """True: the data module must follow `HasDensity`."""


class BatchCheck(Protocol):
    """A check of batches, such as ``base.checks.BatchContract``."""

    def check(self, batch: Any, source: str = "", dtype: torch.dtype | None = None) -> None:
        """Raises TrainingError unless the batch has the form that the model requires."""


class ChecksBatches(Protocol):
    """A model that states which batches it takes."""

    @property
    def batch_contract(self) -> BatchCheck:
        """The check of each batch."""


# Models and data


class HasImageShape(Protocol):
    """A model or data module that knows the shape of one example."""

    @property
    def image_shape(self) -> ImageShape:
        """The shape of one image, or of one table row."""


class TwoDomains(Protocol):
    """Data that serve batches (a, b) of two domains, or a model that takes them."""

    @property
    def num_domains(self) -> Literal[2]:
        """2; data and models without this member are of one domain."""


# Data


class HasDensity(Protocol):
    """Data sampled from a distribution with a known density."""

    def log_density(self, points: Tensor) -> Tensor:
        """Returns the log density (n,) at points (n, d)."""


class HasModes(Protocol):
    """Data sampled from a mixture of Gaussians with known modes and equal deviation."""

    @property
    def modes(self) -> Tensor:
        """The means (k, d) of the Gaussians."""

    @property
    def mode_std(self) -> float:
        """The standard deviation of each Gaussian along each axis."""


class HasColumns(Protocol):
    """Data of a table with named columns."""

    @property
    def column_names(self) -> Sequence[str]:
        """The names of the features, in order."""


class TrainingExamples(Protocol):
    """Data whose training examples can be read directly, without labels or shuffling."""

    def train_examples(self, n: int) -> Tensor:
        """Returns up to n training examples (n, *image_shape), after `setup`."""


class ValidationSplit(Protocol):
    """Data that hold out a number of examples for validation."""

    @property
    def num_validation(self) -> int:
        """The number of examples held out; 0 for no validation."""


_Role = TypeVar("_Role")


def provides(part: object, protocol: type[_Role]) -> "TypeIs[_Role]":
    """Returns whether a model or data module has all public members of a protocol."""
    return not missing_members(part, protocol)


def missing_members(part: object, protocol: type) -> list[str]:
    """Returns the sorted names of a protocol's public members that an object lacks.

    A member may be an attribute, a sub-module or provided by ``__getattr__``; a member that is
    None is missing. A property of the object's class is present and is not computed.
    """
    # not isinstance: from Python 3.12 on it does not see the sub-modules of an nn.Module
    owners = (type(part), part)
    return [
        name
        for name in member_names(protocol)
        if all(getattr(owner, name, None) is None for owner in owners)
    ]


def member_names(protocol: type) -> list[str]:
    """Returns the sorted names of a protocol's public members and annotations."""
    names = {
        name
        for base in protocol.__mro__
        for name in (*vars(base), *getattr(base, "__annotations__", ()))
    }
    return sorted(name for name in names if not name.startswith("_"))
