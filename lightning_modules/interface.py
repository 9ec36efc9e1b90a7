"""What callbacks may ask of a model, and the types by which a model receives its networks."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, Protocol, TypeVar

from torch import Tensor, nn
from torch.optim import Optimizer

from hawc.samplers import AbstractSampler
from hawc.targets import AbstractTarget

if TYPE_CHECKING:
    from typing_extensions import TypeIs

__all__ = [
    "AdversarialPair",
    "Autoencoder",
    "ImageCritic",
    "ImageShape",
    "LatentGenerator",
    "NetworkFactory",
    "SamplerFactory",
    "Translator",
    "member_names",
    "missing_members",
    "provides",
]

ImageShape = tuple[int, ...]
"""(channels, height, width) of a image in [0, 1], (features,) of a standardised table row."""

NetworkFactory = Callable[[ImageShape, int], nn.Module]
"""Builds a network from (image_shape, latent_dim); in YAML a class_path and the other arguments."""

SamplerFactory = Callable[[AbstractTarget], AbstractSampler]
"""Builds a sampler for a target; in YAML a class_path and the other arguments."""


class LatentGenerator(Protocol):
    """A model that can be sampled: it decodes latents, and says which distribution they should
    follow.
    """

    @property
    def prior(self) -> AbstractTarget:
        """The distribution of the latents that `decode` was trained for."""
        ...

    def decode(self, z: Tensor) -> Tensor:
        """Returns images in [0, 1] of shape (n, *image_shape) for latents (n, d)."""
        ...


class Autoencoder(LatentGenerator, Protocol):
    """A model that also finds the latents of images."""

    def encode(self, images: Tensor) -> Tensor:
        """Returns latents (n, d) of images (n, *image_shape), one best one each."""
        ...

    def sample_latents(self, images: Tensor) -> Tensor:
        """Returns latents (n, d) as the decoder met them in training: for a VAE, drawn anew."""
        ...


class AdversarialPair(Protocol):
    """A model that moves a critic and a generator in turn and counts their steps."""

    @property
    def critic(self) -> nn.Module:
        """The network that scores; of several critics a module that holds all of them."""
        ...

    @property
    def generator(self) -> nn.Module:
        """The network that makes images; of several a module that holds all of them."""
        ...

    @property
    def critic_step(self) -> int:
        """Steps of the critic so far."""
        ...

    @property
    def generator_step(self) -> int:
        """Steps of the generator so far."""
        ...

    @property
    def batch_count(self) -> int:
        """Batches so far."""
        ...

    def is_step_read(self, network: Literal["critic", "generator"]) -> bool:
        """Returns whether somebody will see what is logged of the step that a network makes now."""
        ...

    def gradient_scale(self, optimizer: Optimizer) -> float:
        """Returns by what factor an optimizer's gradients are too large before its step."""
        ...


class ImageCritic(LatentGenerator, Protocol):
    """A generator fed with latents beside a critic that gives each image one score."""

    @property
    def image_shape(self) -> ImageShape:
        """Of one image, or of one table row."""
        ...

    @property
    def critic(self) -> nn.Module:
        """The network from images as `as_seen` returns them to scores (n,) or (n, 1)."""
        ...

    def as_seen(self, images: Tensor) -> Tensor:
        """Returns images in [0, 1] as the critic sees them, in [-1, 1]; table rows as is."""
        ...

    def generate(self, z: Tensor) -> Tensor:
        """Returns what latents (n, d) stand for, as the critic sees it."""
        ...


class Translator(Protocol):
    """A model that maps images, or rows, of two domains A and B to each other."""

    def translate_to_b(self, images: Tensor) -> Tensor:
        """Returns what images (n, *image_shape) of A in [0, 1], or rows, become in B."""
        ...

    def translate_to_a(self, images: Tensor) -> Tensor:
        """Returns what images (n, *image_shape) of B in [0, 1], or rows, become in A."""
        ...


_Role = TypeVar("_Role")


def provides(model: object, protocol: type[_Role]) -> "TypeIs[_Role]":
    """Returns whether a model, of whatever class, has all public members of a protocol."""
    return not missing_members(model, protocol)


def missing_members(model: object, protocol: type) -> list[str]:
    """Returns the names of a protocol's public members that a model lacks, sorted.

    A member may be an attribute, a sub-module or an answer of ``__getattr__``; None counts as
    missing. A property of the model's class is present, and not computed.
    """
    # not by isinstance: from Python 3.12 on it does not see the sub-modules of an nn.Module
    owners = (type(model), model)
    return [
        name
        for name in member_names(protocol)
        if all(getattr(owner, name, None) is None for owner in owners)
    ]


def member_names(protocol: type) -> list[str]:
    """Returns the names of a protocol's public members, annotated ones included, sorted."""
    names = {
        name
        for base in protocol.__mro__
        for name in (*vars(base), *getattr(base, "__annotations__", ()))
    }
    return sorted(name for name in names if not name.startswith("_"))
