"""The generators of the comparison, each with one network to choose and one to judge.

    digits    vae_mnist, energy_vae_mnist and wgan_gp_mnist, runs of these configurations
    clothes   energy_vae_fashion_mnist
    objects   small_sngan_cifar
    packages  style and terrain, see benchmarks/pretrained_packages.py; no gradients, slow, and no
              real images

The networks of the first three are those of `networks`. Candidates of the slow generators are
drawn from a fixed pool of some 2,000 i.i.d. latents, whose images are cached.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import torch
from jaxtyping import Float
from torch import Tensor

from benchmarks import pretrained_packages
from benchmarks.pretrained import bench
from benchmarks.random_images import random_images
from benchmarks.rivals.judge import Judge, clusters
from benchmarks.trained import TrainedRun
from datamodules import CIFAR10, MNIST, FashionMNIST
from datamodules.in_memory import AbstractInMemoryImages
from hawc.targets import AbstractTarget
from hawc.targets.fixed_lengths import with_typical_lengths
from networks import ClothesFeatures, DigitFeatures, ObjectFeatures
from networks.trained_features import AbstractTrainedFeatures

__all__ = ["FAST", "NAMES", "PACKAGES", "ImageGenerator", "load"]

NUM_DATA, NUM_JUDGED_BY = 4000, 1000  # real images to choose by, and to judge by
NUM_REAL = 4000  # other real images that the sets are compared with
NUM_REFERENCE, REFERENCE_SEED = 400, 10_001  # of generators without real images
POOL, POOL_SEED = 2048, 20_000

Kind = tuple[type[AbstractInMemoryImages], type[AbstractTrainedFeatures]]
KINDS: dict[str, Kind] = {
    "vae_mnist": (MNIST, DigitFeatures),
    "energy_vae_mnist": (MNIST, DigitFeatures),
    "wgan_gp_mnist": (MNIST, DigitFeatures),
    "energy_vae_fashion_mnist": (FashionMNIST, ClothesFeatures),
    "small_sngan_cifar": (CIFAR10, ObjectFeatures),
}
FAST = ("vae_mnist", "energy_vae_mnist", "energy_vae_fashion_mnist")  # fully connected
PACKAGES = {"style": pretrained_packages.style, "terrain": pretrained_packages.terrain}
NAMES = (*KINDS, *PACKAGES)

Map = Callable[[Tensor], Tensor]


@final
@dataclass(frozen=True, eq=False)
class ImageGenerator:
    """A generator and what is needed to choose and to judge its images.

    Args:
        name: of the configuration or package.
        prior: of the latents.
        decode: latents to images.
        choosing: images to features for the choice.
        judging: images to features for the metrics.
        quality: images to scores in [0, 1]; None if there is no classifier.
        data: features of real images for the choice; None without real images.
        real: features of other real images by the judging network, for comparison.
        judge: of the features of the judging network.
        digest: of the checkpoint, or the versions of the packages.
        pool: latents that candidates are drawn from; None for new ones.
    """

    name: str
    prior: AbstractTarget
    decode: Map
    choosing: Map
    judging: Map
    quality: Map | None
    data: Float[Tensor, "r f"] | None
    real: Float[Tensor, "s g"] | None
    judge: Judge
    digest: str
    pool: Float[Tensor, "p d"] | None = None

    @property
    def is_differentiable(self) -> bool:
        """Whether gradients reach the latents."""
        return self.pool is None

    def features(self, latents: Float[Tensor, "n d"]) -> Float[Tensor, "n f"]:
        """Returns the features of the images of latents, with gradients."""
        return self.choosing(self.decode(latents))

    def candidates(self, count: int, seed: int) -> Float[Tensor, "m d"]:
        """Returns i.i.d. latents, those of unusual length rescaled to typical lengths.

        Raises:
            ValueError: if the pool has fewer.
        """
        random = torch.Generator().manual_seed(seed)
        if self.pool is not None:
            if count > len(self.pool):
                raise ValueError(
                    f"`count` must be at most {len(self.pool)}, the size of the pool, got {count}."
                )
            return self.pool[torch.randperm(len(self.pool), generator=random)[:count]]
        latents = self.prior.sample(count, generator=random)
        return with_typical_lengths(latents, self.prior.elliptical_form())


def load(name: str, runs: Path, cache: Path) -> ImageGenerator:
    """Returns a generator by name.

    Args:
        name: one of `NAMES`.
        runs: holds <name>/<time> of each trained model; the newest run is taken.
        cache: of images and features of the slow generators.

    Raises:
        SystemExit: if there is no finished run, or a package is missing.
    """
    if name in PACKAGES:
        pretrained_packages.check_packages()
        return _packaged(name, cache)
    found = sorted((runs / name).glob("*/checkpoints/last.ckpt"))
    if not found:
        raise SystemExit(
            f"'{runs / name}' holds no run: `python train.py --config configs/{name}.yaml` first."
        )
    return _trained(TrainedRun(found[-1].parent.parent))


def _trained(run: TrainedRun) -> ImageGenerator:
    source, network = KINDS[run.name]
    choosing, judging = network("choosing"), network("judging")
    model: Any = run.averaged() or run.model()
    data = source()
    test_images = random_images(data, NUM_JUDGED_BY + NUM_REAL, train=False)
    return ImageGenerator(
        run.name,
        model.prior,
        model.requires_grad_(False).decode,
        choosing,
        judging,
        lambda images: choosing.classify(images).softmax(1).amax(1),
        choosing(random_images(data, NUM_DATA, train=True)),
        judging(test_images[NUM_JUDGED_BY:]),
        _class_judge(judging, test_images[:NUM_JUDGED_BY]),
        run.digest,
    )


@torch.no_grad()
def _class_judge(network: AbstractTrainedFeatures, images: Tensor) -> Judge:
    inner = network.network

    def classify(features: Tensor) -> Tensor:
        hidden = features * inner.feature_std + inner.feature_mean
        return inner.head(hidden).argmax(1)

    return Judge(network(images), classify)


def _packaged(name: str, cache: Path) -> ImageGenerator:
    owner = bench(PACKAGES[name], cache)
    reference = owner.judging(owner.iid_images(NUM_REFERENCE, REFERENCE_SEED))
    pool = owner.prior.sample(POOL, generator=torch.Generator().manual_seed(POOL_SEED))
    is_typical = (with_typical_lengths(pool, owner.prior.elliptical_form()) == pool).all(1)
    return ImageGenerator(
        name,
        owner.prior,
        owner.decode,
        owner.choosing,
        owner.judging,
        None,
        None,
        None,
        Judge(reference, clusters(reference)),
        owner.version,
        pool[is_typical],  # others would be rescaled by the sampler, and decoded again
    )
