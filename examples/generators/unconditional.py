"""An unconditional diffusion model that remembers its images.

    python -m examples.generators.unconditional images.db

The latent is the noise from which sampling starts, here one image of 3 x 16 x 16 numbers. DDIM adds
no noise of its own, so the latent determines the image. Writes the sheet <store>.png.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from diffusers import DDIMScheduler, UNet2DModel
from torch import Tensor
from torchvision.utils import save_image

from examples.generators.tiny_diffusion import unconditional_model
from hawc import DatabaseHistory, FeatureSampler, StandardNormal
from networks import RandomConvFeatures

SHAPE = (3, 16, 16)
FEATURES = RandomConvFeatures(SHAPE)
FEATURES_NAME = "RandomConvFeatures, seed 0"  # a network of another name is refused


@torch.no_grad()
def denoised(unet: UNet2DModel, scheduler: DDIMScheduler, noise: Tensor) -> Tensor:
    """Returns images (n, 3, 16, 16) in [0, 1] by four steps of DDIM."""
    scheduler.set_timesteps(4)
    for step in scheduler.timesteps:
        noise = scheduler.step(unet(noise, step).sample, step, noise, eta=0.0).prev_sample
    return (noise / 2 + 0.5).clamp(0, 1)


def sampler_of(unet: UNet2DModel, scheduler: DDIMScheduler, store: Path) -> FeatureSampler:
    """Returns a sampler that remembers images in a file."""
    return FeatureSampler(
        StandardNormal(3 * 16 * 16),
        latent_shape=SHAPE,
        history=DatabaseHistory(store, create=True),
        decode=lambda noise: denoised(unet, scheduler, noise),
        features=FEATURES,
        features_name=FEATURES_NAME,
        num_candidates=32,
        num_steps=0,
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Adds eight images and writes all of them as one sheet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("store", type=Path)
    store = parser.parse_args(arguments).store
    sampler = sampler_of(*unconditional_model(), store)
    sampler.sample_images(8)  # the operating system seeds it, so processes differ
    save_image(sampler.remake(range(len(sampler.history))), store.with_suffix(".png"), nrow=8)
    print(sampler.report())


if __name__ == "__main__":
    main()
